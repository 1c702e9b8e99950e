"""Hypothesis without a time limit for one example: a busy machine is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile("telltale", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("telltale")
