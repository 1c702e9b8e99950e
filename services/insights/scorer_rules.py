"""The rules in force, asked from the scorer's ops port."""

from types import TracebackType
from typing import Any, Final, Self

import httpx
import msgspec

from services.insights.explaining import CurrentRuleset
from services.insights.ports import SourceAway
from shared.topics import Domain

_TIMEOUT_S: Final = 2.0


class _Ruleset(msgspec.Struct):
    version: str
    rules: list[dict[str, Any]]
    models: list[dict[str, Any]]


_decode: Final = msgspec.json.Decoder(dict[str, _Ruleset]).decode


class ScorerRules:
    """`RuleBook` over HTTP.

    Parameters
    ----------
    url
        Where a scorer's ops routes are.
    """

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")
        self._client: httpx.AsyncClient | None = None

    async def __aenter__(self) -> Self:
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_S, trust_env=False)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._client is not None:
            await self._client.aclose()

    async def current(self, domain: Domain) -> CurrentRuleset | None:
        """See `RuleBook`."""
        if self._client is None:
            raise SourceAway("scorer", "not open")
        try:
            answer = await self._client.get(f"{self._url}/rulesets")
            answer.raise_for_status()
            found = _decode(answer.content).get(domain)
        except (httpx.HTTPError, msgspec.DecodeError) as error:
            raise SourceAway("scorer", error) from error
        return CurrentRuleset(found.version, found.rules, found.models) if found is not None else None
