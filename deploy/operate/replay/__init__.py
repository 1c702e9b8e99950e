"""Prove a stored verdict: fold its session's stored batches again and compare."""
