"""Hypothesis without a time limit for one example: a busy machine is no failure."""

from hypothesis import settings

settings.register_profile("scorer", deadline=None, max_examples=80)
settings.load_profile("scorer")
