"""Simulated people and bots: sessions of events as a client would have recorded them."""
