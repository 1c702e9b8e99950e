"""The Python client into a server that does nothing, each on a core of its own, beside plain httpx."""

from benchmarks.sdk.measurement import measure

__all__ = ["measure"]
