"""Each format of keystrokes, from lines written by hand."""

import pytest

from services.scorer.lab.recordings import keys
from tests.unit.scorer.lab.recordings.conftest import Put, rows_in


@pytest.mark.parametrize("comma", [", ", ","])
def test_mobikey_keeps_the_classes_of_keys(put: Put, comma: str) -> None:
    named = ["k", "4", "!", "Shift↑", "Del", "→", "é"]
    rows = [["200", "KOT", "0", key, f"{1_000 + 200 * n}", f"{1_090 + 200 * n}"] for n, key in enumerate(named)]
    rows += [["200", "KOT", "0", "i", f"{5_000 + 200 * n}", f"{5_080 + 200 * n}"] for n in range(30)]
    head = ["UserId", "DeviceId", "SessionId", "Key", "DownTime", "UpTime", "Pressure", "FingerArea", "RawX", "RawY"]
    lines = [comma.join([*row, "0.1", "0.2", "1.5", "2.5"]) for row in rows]
    folder = put("dataset2/place1/Keystrokes.csv", "\n".join([comma.join(head), *lines, "200", "x,y"]))

    (session,) = keys.mobikey_keys(folder)
    assert (session.name, session.person) == ("mk200-KOT-0-0", "mk200")
    assert session.events[:8] == [
        [0, 90, 65], [200, 290, 48], [400, 490, 186], [600, 690, 16], [800, 890, 8], [1_000, 1_090, 0],
        [1_200, 1_290, 65], [4_000, 4_080, 65],
    ]  # fmt: skip


def test_fakeprofile_pairs_presses_and_releases(put: Put) -> None:
    second = 1_650_659_902_000_000_000

    def line(kind: str, key: str, ms: int) -> str:
        return f"{kind},{key},{second + ms * 1_000_000}"

    lines = [
        line("P", "Key.shift", 0), line("P", "'A'", 100), line("R", "Key.shift", 150), line("R", "'a'", 190),
        line("P", "','", 300), line("P", "','", 330), line("R", "','", 380),  # repeats while it is held
        line("R", "'z'", 400),  # was pressed before the recording
        line("P", "Key.space", 500), line("R", "Key.space", 3_500),  # held for too long
        line("P", "Key.media_next", 3_600), line("R", "Key.media_next", 3_700),
        "P,'b',soon", "noise", "",
    ]  # fmt: skip
    for n in range(30):
        lines += [line("P", "'1'", 4_000 + 200 * n), line("R", "'1'", 4_090 + 200 * n)]
    folder = put("Facebook/f_011.csv", "\n".join(lines))
    rounded = [row for n in range(40) for row in (f"P,'{n % 10}',1.65066e+18", f"R,'{n % 10}',1.65066e+18")]
    put("Twitter/t_12.csv", "\n".join(rounded))
    put("Instagram/i_13.csv", "\n".join(lines[:20]))  # too little

    (session,) = keys.fakeprofile(folder)
    assert (session.name, session.person) == ("fake-f11-0", "fp11")
    assert [[round(value) for value in event] for event in rows_in(session)[:5]] == [
        [0, 150, 16], [100, 190, 65], [300, 380, 186], [3_600, 3_700, 0], [4_000, 4_090, 48],
    ]  # fmt: skip
    assert len(session.events) == 34


def test_iiitbh_types_six_passwords_a_session(put: Put) -> None:
    # Every key is held for 90 ms and goes down 200 ms after the one before it.
    times = ["0.09", "0.2", "0.11"] * 10 + ["0.09"]
    lines = ["subject,sessionIndex,rep,...", *(",".join(["s1", "1", str(n), *times]) for n in range(13))]
    lines += ["s1,1,14,0.09", ",".join(["s1", "1", "15", *times[:-1], "x"]), ""]

    folder = put("IIITBh-Small.csv", "\n".join(lines))
    first, second = keys.iiitbh(folder)  # the thirteenth alone is too little
    assert [first.name, second.name] == ["Smalls1-1-0-0", "Smalls1-1-6-0"]
    assert {first.person, second.person} == {"Smalls1"}
    codes = [186, 65, 65, 65, 48, 48, 65, 65, 65, 65, 13]
    assert first.events[:11] == [[200 * n, 200 * n + 90, code] for n, code in enumerate(codes)]
    assert len(first.events) == 66
    assert rows_in(first)[11][0] >= 2_000 + 600
