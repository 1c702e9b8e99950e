"""Kafka in, Kafka out: chunk delivery, acknowledgements, watermark, restore. Nothing else in the scorer knows Faust."""
