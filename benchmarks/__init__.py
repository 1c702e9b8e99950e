"""Measurements: ours beside the raw limit or a peer, in one run, with medians and CPU per unit of work."""
