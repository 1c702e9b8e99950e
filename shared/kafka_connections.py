"""aiokafka on uvloop: a connection that ends while something is being sent must not end its client for ever."""

import functools
from collections.abc import Callable
from typing import Any, Final

from aiokafka.conn import AIOKafkaConnection, CloseReason
from aiokafka.errors import KafkaConnectionError

_SENDERS: Final = ("send", "_send_sasl_token")


@functools.cache
def mend_connections() -> None:
    """Make a write to a closed connection a connection error under uvloop, too. Called once, before any client is made.

    uvloop refuses such a write with `RuntimeError`, asyncio does not. aiokafka 0.14 expects `OSError` alone: the task
    that keeps its client's metadata ends, unseen, and all who need metadata wait for ever (aiokafka's issue 1038).
    """
    for name in _SENDERS:
        setattr(AIOKafkaConnection, name, _closing(getattr(AIOKafkaConnection, name)))


def _closing(send: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(send)
    def sent(connection: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return send(connection, *args, **kwargs)
        except RuntimeError as error:
            if not _is_closing(connection):
                raise
            connection.close(reason=CloseReason.CONNECTION_BROKEN)
            raise KafkaConnectionError(str(error)) from error

    return sent


def _is_closing(connection: Any) -> bool:
    return connection._writer is not None and bool(connection._writer.transport.is_closing())
