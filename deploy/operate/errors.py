"""What goes wrong in ways an operator can mend."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import asyncpg
from aiokafka.errors import KafkaError

KAFKA_AWAY: Final = (KafkaError, OSError, TimeoutError)
POSTGRES_AWAY: Final = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError)


class OperatorError(Exception):
    """The command cannot do its work; the message says what to do next."""


class SettingsMissing(OperatorError):
    """It is not known where the system is or how to get in."""


class SourceAway(OperatorError):
    """Kafka or PostgreSQL does not answer, or refuses: nothing can be said until it does."""


@contextmanager
def kafka_answers(address: str) -> Iterator[None]:
    """Turn what Kafka's client raises into `SourceAway`."""
    try:
        yield
    except KAFKA_AWAY as error:
        raise SourceAway(f"Kafka at {address} does not answer ({type(error).__name__}); see `make status`") from error


@contextmanager
def postgres_answers() -> Iterator[None]:
    """Turn what PostgreSQL's client raises into `SourceAway`; its message may quote data, so only its name is kept."""
    try:
        yield
    except asyncpg.InsufficientPrivilegeError as error:
        raise SourceAway(
            "PostgreSQL refuses telltale_operator; `python -m deploy.provision` gives it its rights"
        ) from error
    except POSTGRES_AWAY as error:
        raise SourceAway(
            f"PostgreSQL does not let telltale_operator in ({type(error).__name__}); see `make status`"
        ) from error
