"""What every domain's ``features.py`` offers: a state that folds batches, and a table of the features it gives."""

import hashlib
import importlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from shared.topics import Domain

FeatureValue = float | int | bool | None
Features = Mapping[str, FeatureValue]  # None: the signal is missing, or too scarce to tell

DOMAINS_PACKAGE: Final = "services.scorer.domains"


@dataclass(frozen=True, slots=True)
class Feature:
    """One row of a domain's feature table."""

    unit: str
    about: str


class FeatureState(Protocol):
    """What a domain remembers of one subject's session: bounded, however long the session."""

    def observe(self, batch: Any) -> None:
        """Fold one batch of the domain in, changing this state."""

    def values(self) -> Features:
        """Give every feature of the domain's table."""


class DomainFeatures:
    """A domain's features with their codec.

    States travel as bytes: decoding gives the fold a copy of its own to change, so no caller's state is ever mutated.

    Parameters
    ----------
    table
        Every feature the domain gives, by name.
    state_type
        A msgspec struct whose every field has a default; it fulfils ``FeatureState``.
    """

    def __init__(self, table: Mapping[str, Feature], state_type: type[Any]) -> None:
        self.table = table
        self.schema = _schema_of(state_type)
        self._new = state_type
        self._decoder: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(state_type)
        self._encoder = msgspec.msgpack.Encoder()

    def new(self) -> FeatureState:
        """Give the state of a subject of whom nothing is known."""
        state: FeatureState = self._new()
        return state

    def decode(self, data: bytes, schema: str) -> FeatureState:
        """Read a state; one written with other fields cannot be read and gives a new one."""
        if schema != self.schema:
            return self.new()
        state: FeatureState = self._decoder.decode(data)
        return state

    def encode(self, state: FeatureState) -> bytes:
        """Write a state."""
        return self._encoder.encode(state)


def load_features(domain: Domain) -> DomainFeatures:
    """Load ``domains/<domain>/features.py``: its ``FEATURES`` and ``State``.

    Raises
    ------
    ModuleNotFoundError
        When the domain has no folder.
    """
    module = importlib.import_module(f"{DOMAINS_PACKAGE}.{domain}.features")
    return DomainFeatures(module.FEATURES, module.State)


def _schema_of(state_type: type[Any]) -> str:
    """Fingerprint a state's shape: field names and types, through nested structs."""
    return hashlib.sha256(msgspec.json.encode(msgspec.json.schema_components([state_type]))).hexdigest()[:8]
