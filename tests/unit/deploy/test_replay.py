"""What a replay counts, how it waits, and what it shows."""

import io
import json
from uuid import UUID

import httpx
import msgspec
import pytest
from rich.console import Console

import telltale
from deploy.local.addresses import Addresses
from deploy.local.recorded import Recording, Sample
from deploy.local.replay import ReplayFailed, replay, until_key_is_known, until_settled, went_well
from deploy.local.replay_books import Books, StoredBatch, balance
from deploy.local.replay_lines import books_line, kpi_line, verdict_line

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))
SENT = {"a": 10, "b": 5}
WHOLE = [
    StoredBatch(ONE, "a", 6, 1, "ALLOW", 0),
    StoredBatch(TWO, "a", 4, 1, "BLOCK", 0),
    StoredBatch(THREE, "b", 5, 1, "ALLOW", 0),
]
IDS = [ONE, TWO, THREE]


def test_whole_books_balance() -> None:
    books = balance(WHOLE, SENT, IDS)
    assert books.balanced
    assert (books.persisted_events, books.batches, books.verdicts, books.lost, books.duplicated) == (15, 3, 3, 0, 0)
    assert books.last_action == {"a": "BLOCK", "b": "ALLOW"}


_WELL = {"batches": 3, "verdicts": 3, "lost": 0, "duplicated": 0, "duplicated_verdicts": 0, "dead_letters": 0}


@pytest.mark.parametrize(
    ("changed", "well"),
    [
        ({}, True),
        ({"lost": 1}, False),
        ({"duplicated": 1}, False),
        ({"duplicated_verdicts": 1}, False),
        ({"dead_letters": 1}, False),
        ({"verdicts": 2}, False),
        ({"batches": 0, "verdicts": 0}, False),
    ],
)
def test_a_replay_went_well_only_when_all_of_it_is_there_once(changed: dict[str, int], well: bool) -> None:
    assert went_well(_WELL | changed) is well


def test_a_missing_row_is_lost() -> None:
    books = balance(WHOLE[1:], SENT, IDS)
    assert (books.lost, books.missing_batches, books.settled) == (6, 1, False)


def test_what_the_gateway_never_took_is_lost_all_the_same() -> None:
    assert balance(WHOLE[1:], SENT, IDS[1:]).lost == 6


def test_a_second_row_is_duplicated() -> None:
    books = balance([*WHOLE, WHOLE[0]], SENT, IDS)
    assert (books.duplicated, books.lost, books.persisted_events, books.balanced) == (6, 0, 15, False)


def test_a_batch_under_another_id_is_duplicated() -> None:
    assert balance([*WHOLE, WHOLE[0]._replace(batch_id=UUID(int=9))], SENT, IDS).duplicated == 6


def test_loss_and_duplication_of_two_subjects_do_not_cancel_out() -> None:
    books = balance([*WHOLE[:2], WHOLE[0]], SENT, IDS)
    assert (books.lost, books.duplicated) == (5, 6)


def test_a_missing_verdict_is_waited_for_unless_a_dead_letter_says_why() -> None:
    unjudged = [*WHOLE[:2], WHOLE[2]._replace(verdicts=0, action=None)]
    assert not balance(unjudged, SENT, IDS).settled
    dead = balance([*WHOLE[:2], WHOLE[2]._replace(verdicts=0, action=None, dead_letters=1)], SENT, IDS)
    assert (dead.settled, dead.balanced, dead.dead_letters) == (True, False, 1)


def test_a_second_verdict_does_not_balance() -> None:
    books = balance([WHOLE[0]._replace(verdicts=2), *WHOLE[1:]], SENT, IDS)
    assert (books.doubled_verdicts, books.verdicts, books.balanced) == (1, 3, False)


class Looks:
    """Books as they are at each look, and a clock that moves with each sleep."""

    def __init__(self, *found: Books) -> None:
        self.found = list(found)
        self.told: list[Books] = []
        self.now_s = 0.0

    async def look(self) -> Books:
        return self.found.pop(0) if len(self.found) > 1 else self.found[0]

    async def sleep(self, seconds: float) -> None:
        self.now_s += seconds

    async def wait(self, timeout_s: float) -> Books:
        return await until_settled(self.look, self.told.append, timeout_s, clock=lambda: self.now_s, sleep=self.sleep)


async def test_waiting_ends_when_nothing_more_is_to_come() -> None:
    partial, whole = balance(WHOLE[:1], SENT, IDS), balance(WHOLE, SENT, IDS)
    looks = Looks(*[partial] * 6, whole)
    assert await looks.wait(60) == whole
    assert looks.told == [partial]
    assert looks.now_s == 1.5


async def test_waiting_ends_at_its_limit_and_shows_what_is_missing() -> None:
    partial = balance(WHOLE[:1], SENT, IDS)
    looks = Looks(partial)
    assert await looks.wait(5) == partial
    assert looks.now_s == 5
    assert 3 <= len(looks.told) <= 5


def test_lines_speak_plainly() -> None:
    recording = Recording("GAN29", "bot_gan", "bot", [Sample(0, "move", 0, 0)])
    verdict = msgspec.json.decode(
        json.dumps(
            {
                "verdict_id": str(ONE), "batch_id": str(TWO), "subject": {"type": "session", "id": "s"},
                "action": "BLOCK", "label": "bot", "risk_score": 0.91, "trust_score": 9, "confidence": 0.8,
                "reasons": [
                    {"code": "SMALL", "contribution": 0.1},
                    {"code": "LARGE", "contribution": 0.8},
                    {"code": "MIDDLE", "contribution": 0.2},
                    {"code": "LEAST", "contribution": 0.0},
                ],
            }
        ),
        type=telltale.Verdict,
    )  # fmt: skip
    line = verdict_line(recording, verdict, 12.4).plain
    assert line.split() == "BLOCK risk 0.91 bot GAN29 bot_gan 12 ms LARGE, MIDDLE, SMALL".split()
    assert verdict_line(recording, None, 0).plain.split()[:4] == ["later", "risk", "-", "bot"]
    assert kpi_line({"events": 1234, "verdicts": 5, "block_rate": 0.4, "review_rate": None}).plain == (
        "KPIs, last hour: 1,234 events, 5 verdicts, block 40%"
    )
    assert books_line(balance(WHOLE, SENT, IDS), 0).style == "bold green"
    assert books_line(balance(WHOLE[:2], SENT, IDS), 0).style == "bold red"


async def test_without_recordings_it_says_so(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Addresses(
        "http://127.0.0.1:1", "http://127.0.0.1:1", "http://127.0.0.1:1", "tt_secret_key", "", "", {"x": "secret"}
    )
    assert "secret" not in repr(nowhere)
    missing = tmp_path_factory.mktemp("none") / "none.jsonl"
    with pytest.raises(ReplayFailed, match="no recordings"):
        await replay(nowhere, console=Console(file=io.StringIO()), recordings=missing)


async def test_it_does_not_wait_for_ever_for_its_key_to_be_known() -> None:
    client = telltale.AsyncClient(
        "http://gateway", "tt_k", transport=httpx.MockTransport(lambda _: httpx.Response(401))
    )
    async with client:
        with pytest.raises(ReplayFailed, match="does not know the API key"):
            await until_key_is_known(client, timeout_s=0.01)
