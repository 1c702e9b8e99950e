"""The gateway: CPU of a request beside a bare ASGI route that does nothing but hand the body to Kafka."""

from benchmarks.gateway.measurement import measure

__all__ = ["measure"]
