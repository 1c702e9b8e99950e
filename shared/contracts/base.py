"""Building blocks of the contracts: bounded scalars, the subject, and the error every check raises."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

MAX_EVENTS_PER_BATCH = 10_000

# `$(?!\n)` because Python's `$` would let a last newline through.
# Patterns are closed lists: jsonb takes no NUL, and a free text field would be a place to hide a key value.
SubjectId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:@=+~-]{1,128}$(?!\n)", description="The client's own id.")]
EventId = Annotated[str, Meta(pattern=r"^[A-Za-z0-9._:-]{1,64}$(?!\n)", description="The client's id of an event.")]
ElementRef = Annotated[
    str, Meta(pattern=r"^[A-Za-z0-9_.:#-]{1,64}$(?!\n)", description="Id or name of a page element; never its content.")
]
Token = Annotated[str, Meta(pattern=r"^[A-Za-z0-9_./:+ ,;()=-]{0,256}$(?!\n)", description="Short ASCII text.")]
Timestamp = Annotated[datetime, Meta(tz=True, description="RFC 3339 with a time zone.")]

Pixels = Annotated[float, Meta(ge=-1e6, le=1e6, description="CSS pixels.")]
OffsetMs = Annotated[float, Meta(ge=0, le=86_400_000, description="Milliseconds since the track's started_at.")]
DwellMs = Annotated[float, Meta(ge=0, le=600_000, description="Milliseconds from press to release.")]
Length = Annotated[int, Meta(ge=0, le=1_000_000, description="Characters.")]
Share = Annotated[float, Meta(ge=0, le=1)]

SubjectType = Literal["session", "customer", "card", "device", "vehicle", "driver", "project"]


class ContractStruct(
    msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True, gc=False
):
    """Base of what clients send: immutable, and unknown fields are refused at every level."""


class Subject(ContractStruct, frozen=True, kw_only=True):
    """Who or what is judged."""

    type: SubjectType
    id: SubjectId


class ContractError(ValueError):
    """A document breaks the contract: drop it and tell the sender.

    Parameters
    ----------
    code
        Stable, machine-readable reason.
    pointer
        JSON pointer (RFC 6901) to the offending item.
    detail
        One sentence for a person; carries no payload.
    """

    def __init__(self, code: str, pointer: str, detail: str) -> None:
        super().__init__(f"{code} at {pointer or '/'}: {detail}")
        self.code = code
        self.pointer = pointer
        self.detail = detail
