"""Where a running instance is reached, for whatever drives it: the replay, tests, benchmarks."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, repr=False)
class Addresses:
    """Addresses and keys of a running instance. Its representation shows none of them.

    Parameters
    ----------
    gateway_url
        Base address of the gateway.
    insights_url
        Base address of insights.
    shop_url
        The demo shop, whose page's key is made for this address.
    demo_api_key
        API key of the tenant ``demo``.
    kafka_bootstrap
        Kafka's host:port.
    redis_url
        Redis, with its password.
    postgres_dsn_by_role
        PostgreSQL as each role, the admin's included.
    """

    gateway_url: str
    insights_url: str
    shop_url: str
    demo_api_key: str
    kafka_bootstrap: str
    redis_url: str
    postgres_dsn_by_role: dict[str, str]
