"""What one walk of the path carries from stage to stage."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from uuid import UUID

import httpx
from aiokafka import AIOKafkaConsumer, ConsumerRecord

from deploy.local.addresses import Addresses
from deploy.local.parts import Part
from deploy.local.settings import HOST, StackSettings
from deploy.local.stack import Stack
from deploy.operate.doctor.examine import Broken
from shared.topics import VERDICTS, Domain, events_topic

TENANT: Final = "doctor"
KEY_NAME: Final = "TELLTALE_DOCTOR_API_KEY"
EVENTS: Final = events_topic(Domain.BEHAVIOR)
_CLOSE_TIMEOUT_S: Final = 1.0
_POLL_MS: Final = 50
_AGAIN_AFTER_S: Final = 0.02
_KEY_SPREADS_S: Final = 3.0


def probe_batch() -> dict[str, Any]:
    """Make a batch that hits no rule."""
    return {
        "batch_id": str(uuid.uuid4()),
        "domain": "behavior",
        "subject": {"type": "session", "id": f"doctor-{uuid.uuid4().hex[:12]}"},
        "events": [
            {"type": "device.fingerprint", "occurred_at": datetime.now(UTC).isoformat(), "webdriver": False},
        ],
    }


@dataclass(slots=True)
class Walk:
    """One walk.

    Parameters
    ----------
    settings
        Which instance.
    """

    settings: StackSettings
    http: httpx.AsyncClient
    batch: dict[str, Any] = field(default_factory=probe_batch)
    api_key: str = ""
    received_at: datetime | None = None
    _stack: Stack | None = None
    _consumer: AIOKafkaConsumer | None = None
    _seen: dict[tuple[str, bytes | None], ConsumerRecord] = field(default_factory=dict)

    @property
    def stack(self) -> Stack:
        """The instance; made at first use, because making it writes the secrets file."""
        if self._stack is None:
            self._stack = Stack(self.settings)
        return self._stack

    @property
    def addresses(self) -> Addresses:
        """Where the instance is reached, with the probe's own key."""
        return self.stack.addresses(self.api_key)

    @property
    def batch_id(self) -> UUID:
        """The probe's id."""
        return UUID(self.batch["batch_id"])

    @property
    def secrets(self) -> list[str]:
        """Everything that must not be printed."""
        return [*self.stack.credentials.values.values(), self.api_key] if self._stack is not None else []

    def part(self, name: str) -> Part:
        """Give one part."""
        return next(part for part in self.stack.all_parts if part.name == name)

    def service_url(self, name: str) -> str:
        """Give where a service's probes and metrics are."""
        return f"http://{HOST}:{self.part(name).ports[0].number}"

    async def get(self, url: str, **parameters: str) -> httpx.Response:
        """Ask over HTTP as the probe's tenant."""
        return await self._admitted(lambda: self.http.get(url, params=parameters, headers=self._headers()))

    async def post(self, batch: dict[str, Any], **parameters: str) -> httpx.Response:
        """Send a batch as the probe's tenant."""
        url = f"{self.addresses.gateway_url}/v1/events"
        return await self._admitted(lambda: self.http.post(url, params=parameters, json=batch, headers=self._headers()))

    async def subscribe(self) -> set[str]:
        """Read the probe's topics from their present ends; give every topic there is.

        Raises
        ------
        aiokafka.errors.KafkaError
            The broker does not answer as it should.
        """
        self._consumer = AIOKafkaConsumer(
            EVENTS, VERDICTS, bootstrap_servers=self.settings.kafka_bootstrap, enable_auto_commit=False
        )
        await self._consumer.start()
        found: set[str] = await self._consumer.topics()
        if {EVENTS, VERDICTS} <= found:
            await self._consumer.seek_to_end()
        return found

    async def await_record(self, topic: str, event_id: UUID) -> ConsumerRecord:
        """Wait for the record of a topic with this CloudEvents id."""
        assert self._consumer is not None
        wanted = (topic, str(event_id).encode())
        while wanted not in self._seen:
            for records in (await self._consumer.getmany(timeout_ms=_POLL_MS)).values():
                self._seen |= {(record.topic, dict(record.headers).get("ce_id")): record for record in records}
        return self._seen[wanted]

    async def close(self) -> None:
        """Leave Kafka; a broker that does not answer is not waited for."""
        if self._consumer is not None:
            try:
                await asyncio.wait_for(self._consumer.stop(), _CLOSE_TIMEOUT_S)
            except TimeoutError:
                return

    async def _admitted(self, send: Callable[[], Awaitable[httpx.Response]]) -> httpx.Response:
        """Send; again for a while when the key is not known, because services read new keys every 2 seconds."""
        async for _ in attempts(_KEY_SPREADS_S):
            response = await send()
            if response.status_code != httpx.codes.UNAUTHORIZED:
                break
        return response

    def _headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.api_key}"} if self.api_key else {}


def answer_of(response: httpx.Response, expected: int = httpx.codes.OK) -> dict[str, Any]:
    """Read a JSON answer.

    Raises
    ------
    Broken
        It has another status, or is no JSON object.
    """
    try:
        document: Any = response.json()
    except json.JSONDecodeError:
        document = None
    if response.status_code != expected or not isinstance(document, dict):
        code = document.get("code", "") if isinstance(document, dict) else "no JSON object"
        checks = document.get("checks", "") if isinstance(document, dict) else ""
        raise Broken(" ".join(str(word) for word in (response.status_code, code, checks) if word))
    return document


async def attempts(within_s: float) -> AsyncIterator[None]:
    """Count attempts, a moment apart, until time is up."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        yield
        await asyncio.sleep(_AGAIN_AFTER_S)
