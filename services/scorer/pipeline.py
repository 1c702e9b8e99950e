"""The scorer's pure core: ``fold(state, item, ruleset)`` gives the new state and a verdict.

It knows no Kafka, no clock and no network. The same input and versions give the same verdict again.
"""

import hashlib
import importlib
import pkgutil
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from uuid import UUID

import msgspec

from services.scorer.features import DOMAINS_PACKAGE, DomainFeatures, Features, FeatureState, load_features
from services.scorer.models import Model, load_models, sureness, versions_of
from services.scorer.policy import POLICY_VERSION, Judgement, Signal, judge
from services.scorer.rules import NamedRule, Outcome, discover_rules
from shared.contracts.batch import EventBatch, event_count
from shared.contracts.behavior import BehaviorTrack
from shared.contracts.verdict import SessionFacts, Verdict, VerdictSubject, Versions, verdict_id
from shared.topics import Domain

PIPELINE_VERSION: Final = "2"
SESSION_IDLE: Final = timedelta(minutes=30)
REMEMBERED_BATCHES: Final = 128
_FINGERPRINT_BYTES: Final = 8


class ScoredInput(msgspec.Struct, frozen=True):
    """One batch as the gateway took it in."""

    tenant_id: str
    domain: Domain
    received_at: datetime
    clock_skew_ms: int
    batch: EventBatch


class SubjectState(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """What is remembered of one subject: immutable, bounded, opaque to all but this module.

    ``features`` is the domain's own state, ``verdict`` the last verdict, both encoded. ``recent_batches`` holds
    fingerprints of the last folded batch ids, oldest first.
    """

    features: bytes
    features_schema: str
    started_at: datetime
    last_seen_at: datetime
    batch_count: int
    event_count: int
    recent_batches: bytes
    verdict: bytes


class Folded(NamedTuple):
    """What a fold gives; a duplicate gives the state unchanged and no verdict."""

    state: SubjectState
    verdict: Verdict | None
    duplicate: bool


class Ruleset:
    """A domain's rules and models together with the features they read.

    Parameters
    ----------
    version
        Changes whenever the rules or the code of their features do.
    """

    def __init__(
        self, features: DomainFeatures, rules: Sequence[NamedRule], version: str, models: Sequence[Model] = ()
    ) -> None:
        self.features = features
        self.rules = tuple(rules)
        self.version = version
        self.models = tuple(models)
        self.model_versions = versions_of(models)

    def describe(self) -> list[dict[str, Any]]:
        """Give the rule list as JSON-ready data."""
        return [named.describe() for named in self.rules]

    def judge(self, features: Features, events_seen: int) -> tuple[Judgement, list[str]]:
        """Ask every rule and model; give the policy's judgement and the ids of the rules that could not tell."""
        learned = [signal for model in self.models if (signal := model.signal(features)) is not None]
        signals, unknown, doubt = [*learned], [], 1 - sureness(learned)
        for named in self.rules:
            outcome = named.rule.judge(features)
            if outcome is Outcome.UNKNOWN:
                unknown.append(named.id)
                continue
            doubt *= 1 - named.rule.weight
            if outcome is Outcome.HIT:
                signals.append(_signal(named, features))
        return judge(signals, 1 - doubt, events_seen), unknown


def fold(state: SubjectState | None, item: ScoredInput, ruleset: Ruleset) -> Folded:
    """Fold one batch into a subject's state and judge the subject.

    A batch that comes after the session's idle timeout starts a new session. One that comes late is folded like any
    other, but moves no time back.
    """
    fingerprint = _fingerprint(item.batch.batch_id)
    recent = state.recent_batches if state is not None else b""
    if state is not None and _remembers(recent, fingerprint):
        return Folded(state, None, duplicate=True)
    if state is not None and is_expired(state, item.received_at):
        state = None
    features = _restore(state, ruleset.features)
    features.observe(item.batch)
    session = _extend(state, item)
    verdict = _verdict(item, session, ruleset, features)
    folded = SubjectState(
        features=ruleset.features.encode(features),
        features_schema=ruleset.features.schema,
        started_at=session.started_at,
        last_seen_at=session.last_seen_at,
        batch_count=session.batch_count,
        event_count=session.event_count,
        recent_batches=(recent + fingerprint)[-REMEMBERED_BATCHES * _FINGERPRINT_BYTES :],
        verdict=_encoder.encode(verdict),
    )
    return Folded(folded, verdict, duplicate=False)


def encode_state(state: SubjectState) -> bytes:
    """Write a state as bytes."""
    return _encoder.encode(state)


def decode_state(data: bytes) -> SubjectState:
    """Read a state.

    Raises
    ------
    msgspec.DecodeError
        When the bytes are no state.
    """
    return _state_decoder.decode(data)


def is_expired(state: SubjectState, now: datetime) -> bool:
    """Tell whether the session has been idle too long at ``now`` (event time)."""
    return now - state.last_seen_at > SESSION_IDLE


def last_verdict(state: SubjectState) -> Verdict | None:
    """Give the verdict after the last folded batch."""
    return _verdict_decoder.decode(state.verdict) if state.verdict else None


def load_ruleset(domain: Domain) -> Ruleset:
    """Load a domain's features, every rule file in its ``rules`` folder and every model in its ``models`` folder.

    Raises
    ------
    ModuleNotFoundError
        When the domain has no folder.
    """
    package = f"{DOMAINS_PACKAGE}.{domain}"
    rules = discover_rules(f"{package}.rules")
    return Ruleset(load_features(domain), rules, _version(rules, package), load_models(package))


def scored_domains() -> tuple[Domain, ...]:
    """Give the domains that have a folder here."""
    package = importlib.import_module(DOMAINS_PACKAGE)
    return tuple(Domain(info.name) for info in pkgutil.iter_modules(package.__path__) if info.ispkg)


def _restore(state: SubjectState | None, features: DomainFeatures) -> FeatureState:
    return features.new() if state is None else features.decode(state.features, state.features_schema)


def _extend(state: SubjectState | None, item: ScoredInput) -> SessionFacts:
    events = event_count(item.batch)
    if state is None:
        return SessionFacts(item.received_at, item.received_at, 1, events)
    last_seen_at = max(state.last_seen_at, item.received_at)
    return SessionFacts(state.started_at, last_seen_at, state.batch_count + 1, state.event_count + events)


def _verdict(item: ScoredInput, session: SessionFacts, ruleset: Ruleset, features: FeatureState) -> Verdict:
    judgement, unknown = ruleset.judge(features.values(), session.event_count)
    batch = item.batch
    return Verdict(
        verdict_id=verdict_id(item.tenant_id, batch.batch_id),
        batch_id=batch.batch_id,
        tenant_id=item.tenant_id,
        domain=item.domain,
        subject=VerdictSubject(batch.subject.type, batch.subject.id),
        action=judgement.action,
        label=judgement.label,
        risk_score=judgement.risk_score,
        trust_score=judgement.trust_score,
        confidence=judgement.confidence,
        reasons=judgement.reasons,
        unknown_rules=unknown,
        versions=Versions(PIPELINE_VERSION, ruleset.version, POLICY_VERSION, ruleset.model_versions),
        event_count=event_count(batch),
        session=session,
        occurred_at=_latest(batch) + timedelta(milliseconds=item.clock_skew_ms),
        received_at=item.received_at,
    )


def _latest(batch: EventBatch) -> datetime:
    """Find the time of a batch's latest event, by the client's clock."""
    tracks: Iterable[BehaviorTrack] = getattr(batch, "tracks", ())
    times = [event.occurred_at for event in batch.events]
    times += [track.started_at + timedelta(milliseconds=max(track.t)) for track in tracks]
    return max(times)


def _signal(named: NamedRule, features: Features) -> Signal:
    rule = named.rule
    return Signal(rule.reason, rule.weight, rule.message, {name: features[name] for name in rule.needs})


def _fingerprint(batch_id: UUID) -> bytes:
    return hashlib.blake2b(batch_id.bytes, digest_size=_FINGERPRINT_BYTES).digest()


def _remembers(recent: bytes, fingerprint: bytes) -> bool:
    """Look a fingerprint up; a match across two neighbours is none."""
    position = recent.find(fingerprint)
    while position % _FINGERPRINT_BYTES and position >= 0:
        position = recent.find(fingerprint, position + 1)
    return position >= 0


def _version(rules: Sequence[NamedRule], package: str) -> str:
    """Fingerprint the rules' definitions and the source of the domain's own modules."""
    digest = hashlib.sha256(msgspec.json.encode([named.describe() for named in rules]))
    for info in pkgutil.iter_modules(importlib.import_module(package).__path__):
        if not info.ispkg:
            digest.update(pkgutil.get_data(package, f"{info.name}.py") or b"")
    return digest.hexdigest()[:12]


_encoder: Final = msgspec.msgpack.Encoder()
_state_decoder: Final = msgspec.msgpack.Decoder(SubjectState)
_verdict_decoder: Final = msgspec.msgpack.Decoder(Verdict)
