"""The contracts as JSON Schema, kept in ``shared/schemas``. ``python -m shared.contracts.schema`` writes them anew.

A change that an old reader or an old client would not survive is refused: it belongs in a version 2.
"""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from shared.contracts.batch import EventBatch
from shared.contracts.compatibility import Schema, breaks
from shared.contracts.dead_letter import DeadLetter
from shared.contracts.verdict import Verdict

FOLDER: Final = Path(__file__).resolve().parent.parent / "schemas"


@dataclass(frozen=True)
class Contract:
    """One published contract; ``inbound`` ones are written by clients, the others by us."""

    name: str
    title: str
    type: Any
    inbound: bool

    @property
    def path(self) -> Path:
        """Where the schema is kept."""
        return FOLDER / f"{self.name}.json"


CONTRACTS: Final = (
    Contract("event-batch.v1", "EventBatch v1", EventBatch, inbound=True),
    Contract("verdict.v1", "Verdict v1", Verdict, inbound=False),
    Contract("dead-letter.v1", "Dead letter v1", DeadLetter, inbound=False),
)


def generate(contract: Contract) -> Schema:
    """Make the JSON Schema (2020-12) of a contract from its types."""
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:telltale:schema:{contract.name}",
        "title": contract.title,
    }
    return head | msgspec.json.schema(contract.type)


def kept(contract: Contract) -> Schema:
    """Read the schema in the tree."""
    schema: Schema = json.loads(contract.path.read_text())
    return schema


def broken_promises(contract: Contract, old: Schema, new: Schema) -> list[str]:
    """List what a change from ``old`` to ``new`` breaks for those who hold to ``old``."""
    return breaks(writer=old, reader=new) if contract.inbound else breaks(writer=new, reader=old)


def main() -> int:
    """Write every schema; exit 1, writing nothing, where a change would break someone."""
    problems = [
        f"{contract.name}{line}"
        for contract in CONTRACTS
        if contract.path.exists()
        for line in broken_promises(contract, kept(contract), generate(contract))
    ]
    if problems:
        sys.stderr.write("Not written; make a version 2 instead:\n" + "\n".join(problems) + "\n")
        return 1
    FOLDER.mkdir(exist_ok=True)
    for contract in CONTRACTS:
        contract.path.write_text(json.dumps(generate(contract), indent=2, sort_keys=True) + "\n")
        sys.stdout.write(f"{contract.path.name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
