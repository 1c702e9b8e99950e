"""Whether a server answers and knows the key: asked before a long command begins, and by ``telltale keys check``."""

from typing import Final, Literal

import uuid_utils.compat as uuid_utils

from telltale._cli.common import NOT_FOUND, Failed, fail, open_client
from telltale._errors import Refused, TelltaleError

KeyKind = Literal["secret", "publishable"]
_FORBIDDEN: Final = "forbidden"


async def kind_of_key(url: str) -> KeyKind:
    """Ask for a batch that is not there: only who has a good key is told so.

    Raises
    ------
    click.ClickException
        The server does not answer, or does not know the key.
    """
    async with open_client(url) as client:
        try:
            await client.receipt(uuid_utils.uuid7())
        except Refused as refused:
            if refused.problem.status == NOT_FOUND and refused.problem.code:
                return "secret"
            if refused.problem.code == _FORBIDDEN:
                return "publishable"
            fail(refused, url)
        except TelltaleError as error:
            fail(error, url)
    return "secret"


async def check_key(url: str) -> None:
    """End the command unless the server answers and takes data with the key."""
    if await kind_of_key(url) == "publishable":
        raise Failed("a publishable key is for pages: take a secret one (tt_...)")
