"""Fewer examples: the whole pipeline runs for each."""

from hypothesis import settings

settings.register_profile("scorer", settings.get_profile("telltale"), max_examples=80)
settings.load_profile("scorer")
