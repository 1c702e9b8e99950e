"""The Faust worker: one agent that scores chunk after chunk, and what must happen around it."""

import asyncio
import logging
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn, cast

import faust
from aiokafka import AIOKafkaProducer
from faust.types import TP

from services.scorer.settings import ScorerSettings
from services.scorer.stream.admission import Source
from services.scorer.stream.assignments import Assignments, Place
from services.scorer.stream.broker import ask_broker
from services.scorer.stream.chunks import ChunkConsumer, ChunkTransport, IdempotentProducer
from services.scorer.stream.kafka import KafkaLogReader, KafkaPublisher
from services.scorer.stream.lane import Lane, Outlets
from services.scorer.stream.ports import Announcer, Judge
from services.scorer.stream.probe import BrokerProbe
from services.scorer.stream.restore import restore
from services.scorer.stream.trial import ForkTrial
from services.scorer.stream.watchdog import Watchdog, end_process
from shared import metrics
from shared.topics import MAX_RECORD_BATCH_BYTES, Domain, events_topic

_log = logging.getLogger(__name__)
GROUP: Final = "scorer"
_BEAT_S: Final = 0.5
_QUEUED_CHUNKS: Final = 4
_CHUNKS_AT_ONCE: Final = 8


class Position(NamedTuple):
    """How far one partition is, in offsets."""

    end: int
    committed: int


class Worker:
    """Consumes the events of every scored domain.

    Parameters
    ----------
    judges
        The pure core, by domain.
    announcer
        Told every verdict.
    """

    def __init__(self, settings: ScorerSettings, judges: Mapping[Domain, Judge[Any]], announcer: Announcer) -> None:
        self._settings = settings
        self._judges = judges
        self._domains = {settings.topic_prefix + events_topic(domain): domain for domain in judges}
        self._watchdog = Watchdog(settings.stall_timeout_s, settings.session_timeout_s)
        self._reader = KafkaLogReader(settings.kafka_bootstrap)
        publisher = KafkaPublisher(self._producer, settings.publish_timeout_s, self._watchdog.check_session)
        self._trial = ForkTrial(settings.trial_timeout_s)
        self._outlets = Outlets(publisher, announcer, settings.topic_prefix, self._trial)
        self._assignments = Assignments(self._new_lane, settings.restore_timeout_s, end_process)
        self._positions: dict[Place, Position] = {}
        self._slots = asyncio.Semaphore(_CHUNKS_AT_ONCE)
        self._last_chunk: dict[Place, asyncio.Task[None]] = {}
        self._acked = self._restored = 0
        self._probe = BrokerProbe(self._measure, lambda: ask_broker(settings.kafka_bootstrap))
        self._app = self._faust_app()

    async def run(self, stop: asyncio.Event) -> None:
        """Work until asked to stop; then finish the chunk in hand, commit and leave the group."""
        self._watchdog.start()
        beat = asyncio.create_task(self._beat(), name="beat")
        probe = asyncio.create_task(self._probe.run(), name="probe")
        await self._app.start()
        self._watchdog.also_tell_of(self._consumer()._thread.thread_loop)
        crashed = asyncio.create_task(self._app._crashed.wait())
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait([crashed, stopping], return_when=asyncio.FIRST_COMPLETED)
        if crashed.done():
            end_process("the stream crashed")
        crashed.cancel()
        probe.cancel()
        await self._app.stop()
        beat.cancel()
        self._watchdog.stop()

    def checks(self) -> dict[str, bool]:
        """Tell what the worker needs and whether it is there."""
        return {"broker": self._probe.answers, "partitions": self._assignments.ready}

    def _faust_app(self) -> faust.App:
        settings = self._settings
        app = faust.App(
            settings.topic_prefix + GROUP,
            broker=";".join(f"kafka://{host}" for host in settings.kafka_bootstrap.split(",")),
            store="memory://",
            # Faust wants a directory, and without tables keeps nothing in it.
            datadir=Path(tempfile.gettempdir()) / f"telltale-scorer-{os.getuid()}",
            key_serializer="raw",
            value_serializer="raw",
            web_enabled=False,
            topic_allow_declare=False,
            topic_disable_leader=True,
            stream_buffer_maxsize=_QUEUED_CHUNKS,
            stream_wait_empty=True,
            consumer_auto_offset_reset="earliest",
            broker_max_poll_records=500,
            broker_commit_interval=settings.commit_interval_s,
            broker_session_timeout=settings.session_timeout_s,
            broker_heartbeat_interval=settings.session_timeout_s / 5,
            broker_rebalance_timeout=max(30.0, settings.publish_timeout_s + 10),
            broker_request_timeout=max(30.0, settings.publish_timeout_s + 10),
            producer_acks=-1,
            producer_linger=0,
            producer_max_batch_size=MAX_RECORD_BATCH_BYTES,
            producer_max_request_size=MAX_RECORD_BATCH_BYTES + 1_048_576,
            producer_request_timeout=settings.publish_timeout_s,
            worker_redirect_stdouts=False,
        )
        app.transport = ChunkTransport(app.conf.broker_consumer, app, app.loop)
        topic = app.topic(*self._domains, key_serializer="raw", value_serializer="raw")
        app.agent(topic, concurrency=1, name="score")(self._score)
        app.on_partitions_revoked.connect(self._on_revoked, weak=False)
        app.on_partitions_assigned.connect(cast(Any, self._on_assigned), weak=False)
        return app

    async def _score(self, stream: Any) -> None:
        """Start chunks as they come: one at a time in each partition, side by side in different ones."""
        try:
            async for event in stream.noack().events():
                await self._slots.acquire()
                place = Place(event.message.topic, event.message.partition)
                previous = self._last_chunk.get(place)
                self._last_chunk[place] = asyncio.create_task(self._score_chunk(event, place, previous))
        except Exception as error:
            _die(error)

    async def _score_chunk(self, event: Any, place: Place, previous: asyncio.Task[None] | None) -> None:
        try:
            if previous is not None:
                await asyncio.wait([previous])
            lane = await self._assignments.lane(event.message.generation_id, place)
            await self._catch_up(lane, place, event.message.value[0].offset)
            await lane.score(event.message.value)
            event.ack()
            self._acked += 1
        except Exception as error:
            # To go on would acknowledge what is not done.
            _die(error)
        finally:
            self._slots.release()

    async def _catch_up(self, lane: Lane[Any], place: Place, until: int) -> None:
        """Score what lies between the states and a chunk: a broker can lose the end of the state log."""
        if lane.held.mark.source_next >= until:
            return
        _log.warning("%s/%d: states end at %d, going back", *place, lane.held.mark.source_next)
        async for portion in self._reader.read(*place, lane.held.mark.source_next):
            due = [record for record in portion if record.offset < until]
            if due:
                await lane.score(due)
            if len(due) < len(portion):
                return

    async def _on_revoked(self, *_: Any, **__: Any) -> None:
        self._assignments.revoke()

    async def _on_assigned(self, app: Any, *args: Any, **_: Any) -> None:
        places = [Place(place.topic, place.partition) for place in args[0]]
        self._positions = {}
        self._assignments.assign(app.consumer_generation_id, places)

    async def _new_lane(self, place: Place) -> Lane[Any]:
        domain = self._domains[place.topic]
        source, judge = Source(domain, *place), self._judges[domain]
        held = await restore(source, self._reader, judge, self._settings.topic_prefix, self._note_restored)
        return Lane(source, held, judge, self._outlets, self._settings.max_states_per_partition)

    def _note_restored(self) -> None:
        self._restored += 1

    def _producer(self) -> AIOKafkaProducer:
        return cast(IdempotentProducer, self._app.producer)._ensure_producer()

    def _consumer(self) -> ChunkConsumer:
        return cast(ChunkConsumer, self._app.consumer)

    async def _beat(self) -> None:
        """Tell the watchdog how the work gets on."""
        while True:
            behind = any(position.end > position.committed for position in self._positions.values())
            committed = sum(position.committed for position in self._positions.values())
            self._watchdog.tell(
                self._probe.cut_off or (behind and self._probe.answers),
                (self._acked, self._restored, committed, self._trial.progress),
            )
            await asyncio.sleep(_BEAT_S)

    async def _measure(self) -> None:
        """Ask the broker for the ends of our partitions."""
        consumer = self._consumer()
        assigned = [place for place in consumer.assignment() if Place(*place) in self._assignments.restored]
        # Without partitions of our own we still want to know whether the broker answers.
        ends = await consumer.highwaters(*assigned or [TP(next(iter(self._domains)), 0)])
        positions = {}
        lanes = self._assignments.restored  # a rebalance meanwhile may have taken some away
        for place in (place for place in assigned if Place(*place) in lanes):
            lane, end = lanes[Place(*place)], ends[place]
            committed = consumer._committed_offset.get(place) or 0
            positions[Place(*place)] = Position(end, max(committed, lane.first_input))
            metrics.CONSUMER_LAG.labels(GROUP, place.topic, place.partition).set(end - lane.held.mark.source_next)
        self._positions = positions
        held: dict[Domain, int] = dict.fromkeys(self._judges, 0)
        for lane in lanes.values():
            held[lane.source.domain] += len(lane.held)
        for domain, count in held.items():
            metrics.SCORER_SESSIONS.labels(domain).set(count)


def _die(error: BaseException) -> NoReturn:
    try:
        _log.error("a chunk could not be scored", exc_info=error)
    finally:
        end_process(f"{type(error).__name__}: {error}")
