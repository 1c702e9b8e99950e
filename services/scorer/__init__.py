"""Folds batches into per-subject state and judges after each."""
