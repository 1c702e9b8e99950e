"""Offline use of the same pipeline."""
