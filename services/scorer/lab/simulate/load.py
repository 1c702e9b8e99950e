"""Simulated sessions as a load: sent through the Python client, as if each had just ended."""

import asyncio
import time
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import telltale
from services.scorer.lab.simulate.sessions import Session, event_count


async def send(sessions: Iterable[Session], client: telltale.AsyncClient, events_per_s: float) -> telltale.Stats:
    """Send sessions at a steady rate and return when all are delivered or dropped.

    Parameters
    ----------
    sessions
        Each becomes a subject of its own, new in every run.
    client
        An open client.
    events_per_s
        Events and track samples a second, on average over sessions.

    Returns
    -------
    telltale.Stats
        What became of the events.
    """
    run, started_s, sent = uuid4().hex[:8], time.monotonic(), 0
    for session in sessions:
        await asyncio.sleep(max(0.0, started_s + sent / events_per_s - time.monotonic()))
        subject = client.subject("session", f"{session['session_id']}-{run}")
        for event in ended_now(session["events"], datetime.now(UTC)):
            while not (subject.add_track if "t" in event else subject.add)(event):
                await client.flush()  # the buffer is full: the server is slower than this load
        sent += event_count(session)
    await client.flush()
    return client.stats()


def ended_now(events: list[dict[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """Move a session in time so that its last event happens now."""
    late = now - max(map(_end, events))
    moved = []
    for event in events:
        name = "started_at" if "t" in event else "occurred_at"
        moved.append({**event, name: datetime.fromisoformat(event[name]) + late})
    return moved


def _end(event: dict[str, Any]) -> datetime:
    if "t" in event:
        return datetime.fromisoformat(event["started_at"]) + timedelta(milliseconds=max(event["t"]))
    return datetime.fromisoformat(event["occurred_at"])
