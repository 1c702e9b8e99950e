"""A request carries the trace of whoever caused it: OpenTelemetry's current span, or what a hook gives."""

import asyncio
import logging
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from opentelemetry import trace
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

import telltale
from tests.unit.sdk.conftest import MakeClient
from tests.unit.sdk.misbehaving import Gateway
from tests.unit.sdk.test_client import SCROLL


@contextmanager
def span(number: int) -> Iterator[None]:
    """Be inside a sampled span."""
    context = SpanContext(number, number, is_remote=False, trace_flags=TraceFlags(TraceFlags.SAMPLED))
    with trace.use_span(NonRecordingSpan(context)):
        yield


def traceparent(number: int) -> str:
    return f"00-{number:032x}-{number:016x}-01"


def traces(gateway: Gateway) -> list[str | None]:
    return [seen.headers.get("traceparent") for seen in gateway.requests]


async def test_a_batch_carries_the_span_it_was_opened_in(gateway: Gateway, make_client: MakeClient) -> None:
    with span(1):
        client = make_client()
    async with client:
        with span(0xABC):
            client.subject("session", "s-1").add(SCROLL)
        with span(2):
            client.subject("session", "s-1").add(SCROLL)
        with span(3):
            await client.flush()
    assert traces(gateway) == [traceparent(0xABC)]


async def test_a_question_carries_the_span_it_is_asked_in(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client() as client:
        client.subject("session", "s-1").add(SCROLL)
        with span(7):
            await client.subject("session", "s-1").verdict()
            await client.subject("session", "s-1").verdict()
            with pytest.raises(telltale.Refused):
                await client.receipt("x")
        with pytest.raises(telltale.Refused):
            await client.receipt("x")
    assert traces(gateway) == [traceparent(7)] * 3 + [None]


async def test_of_batches_in_one_request_the_first_with_a_trace_names_it(
    gateway: Gateway, make_client: MakeClient
) -> None:
    async with make_client() as client:
        client.subject("session", "s-1").add(SCROLL)
        with span(5):
            client.subject("session", "s-2").add(SCROLL)
        with span(6):
            client.subject("session", "s-3").add(SCROLL)
    assert traces(gateway) == [traceparent(5)]


async def test_the_client_without_await_carries_the_callers_span_to_its_thread(gateway: Gateway) -> None:
    def use() -> None:
        with telltale.Client(gateway.url, "tt_good_key", limits=telltale.Limits(linger_s=3_600)) as client:
            with span(8):
                client.subject("session", "s-1").add(SCROLL)
            client.flush()
            with span(9), pytest.raises(telltale.Refused):
                client.receipt("x")

    await asyncio.to_thread(use)
    assert traces(gateway) == [traceparent(8), traceparent(9)]


async def test_a_hook_of_the_callers_own_goes_first(gateway: Gateway, make_client: MakeClient) -> None:
    async with make_client(traceparent=lambda: traceparent(1)) as client:
        with span(2):
            client.subject("session", "s-1").add(SCROLL)
    assert traces(gateway) == [traceparent(1)]


@pytest.mark.parametrize(
    "text", ["a\nb", "", "00-1-1-01", traceparent(1).upper().replace("0", "G"), traceparent(1).encode(), 7]
)
async def test_what_is_no_traceparent_is_left_out_and_told(
    text: object, gateway: Gateway, make_client: MakeClient, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with make_client(traceparent=lambda: text) as client:
        client.subject("session", "s-1").add(SCROLL)
    assert (traces(gateway), client.stats()) == ([None], telltale.Stats(added=1, delivered=1, requests=1))
    assert "no W3C traceparent" in caplog.text


def test_without_opentelemetry_nothing_is_missed() -> None:
    program = """
import sys
sys.modules["opentelemetry"] = None
import telltale
from telltale._tracing import trace_hook
assert trace_hook(None)() is None
"""
    subprocess.run([sys.executable, "-c", program], check=True, timeout=30)
