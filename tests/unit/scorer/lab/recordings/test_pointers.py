"""Each format of the mouse loggers, from lines written by hand."""

import json

from services.scorer.lab.recordings import pointers
from services.scorer.lab.recordings.recorded import Event
from tests.unit.scorer.lab.recordings.conftest import Put


def test_sapimouse_is_cut_into_three_parts_of_a_thousand_events(put: Put) -> None:
    rows = [f"{100 + 8 * n},NoButton,Move,{n % 1900},{n % 1000}" for n in range(3_200)]
    rows[1:1] = [
        "101,Left,Pressed,3,4",
        "102,Left,Drag,5,6",
        "103,Left,Released,7,8",
        "104,NoButton,Wheel,3,3",
        "x,NoButton,Move,1,1",
        "105,NoButton,Move",
    ]
    folder = put("data/sapimouse/user1/session_1min.csv", "client timestamp,button,state,x,y\n" + "\n".join(rows))
    put("data/sapimouse/user2/session_1min.csv", "client timestamp,button,state,x,y\n" + "\n".join(rows[:40]))

    first, second, third = pointers.sapimouse(folder)
    assert [first.name, second.name, third.name] == [f"user1-session_1min-{n}" for n in range(3)]
    assert {first.person, second.person, third.person} == {"user1"}
    assert first.events[:5] == [
        [100, "move", 0, 0], [101, "down", 3, 4], [102, "move", 5, 6], [103, "up", 7, 8], [108, "move", 1, 1],
    ]  # fmt: skip
    assert [len(session.events) for session in (first, second, third)] == [1_000] * 3
    assert second.events[0] == [100 + 8 * 997, "move", 997, 997]  # 997 moves and three events of the button came before


def test_dsjtzs_drags_get_back_their_pixels_and_times(put: Put) -> None:
    drag = "107,1300,300;114,1300,324;128,1313,348;149,1313,372;170,1339,396;x,1,2;1,2;191,1339,420;212,1339,444;"
    drag += "233,1352,468;"
    lines = [f"7 {drag} 700.5,1300 1", f"8 {drag} 700.5,1300 0", "9 107,1300,300; 1,2 1", "10", ""]

    (session,) = pointers.dsjtzs(put("data/dsjtzs_txfz_training.txt", "\n".join(lines)))
    assert (session.name, session.person) == ("dsjtzs-7-0", "")
    assert session.events == [
        [0, "move", 40, 300], [8, "move", 41, 300], [16, "move", 43, 301], [24, "move", 46, 301],
        [32, "move", 49, 303], [40, "move", 52, 303], [48, "move", 55, 303], [56, "move", 58, 304],
    ]  # fmt: skip


def test_captchat_gives_the_moves_of_people(put: Put) -> None:
    rows = [f"_a,{10 + n},{20 + n},{56 + 58 * n},move,human" for n in range(8)]
    noise = ["_a,1,1,5,click,human", "_a,1,1,,move,human", "_a,1", "_b,1,1,5,move,human"]
    robot = [row.replace("_a", "_r").replace("human", "robot") for row in rows]
    text = "\n".join(["session_id,x,y,time,event_type,label", *rows, *noise, *robot])

    (session,) = pointers.captchat(put("data/collect_data/data_all.csv", text))
    assert (session.name, session.person) == ("captchat_a-0", "")
    assert session.events == [[58 * n, "move", 10 + n, 20 + n] for n in range(8)]


def test_gousekid_gives_paths_without_targets(put: Put) -> None:
    rows = ["100.0,5,5,start,s", "100.0,7,9,path,s", "100.008,8,9,path,s", "soon,8,9,path,s", "100.016,900,900,end,s"]
    rows += [f"{100.1 + n / 100:.2f},{n},0,path,s" for n in range(58)]
    text = "\n".join(["timestamp,x,y,label,session_id", *rows])

    (session,) = pointers.gousekid(put("data/mouse_data_20230910_151231.csv", text))
    assert (session.name, session.person) == ("gousekid-20230910_151231-0", "gousekid")
    assert session.events[:4] == [[0, "move", 7, 9], [8, "move", 8, 9], [100, "move", 0, 0], [110, "move", 1, 0]]
    assert len(session.events) == 60


def test_jrcalgo_gives_moves_where_the_place_changed(put: Put) -> None:
    rows = ["50.5,61.25,674.5,None", "50.508,61.25,674.5,Left", "50.516,62.1239,674,None", "50.6,,1,None", "50.7,1"]
    rows += [f"{51 + n / 100:.2f},{n},0,None" for n in range(58)]
    text = "\n".join(["timestamp,position_x,position_y,click_events", *rows])

    (session,) = pointers.jrcalgo(put("data/mouse_data_20260118_034910.csv", text))
    assert (session.name, session.person) == ("jrcalgo-20260118_034910-0", "jrcalgo")
    assert session.events[:3] == [[0, "move", 61.25, 674.5], [16, "move", 62.124, 674], [500, "move", 0, 0]]
    assert len(session.events) == 60


def test_natural_pointer_makes_pixels_of_shares(put: Put) -> None:
    left = {"type": "click", "button": "Button.left", "x": 0.5, "y": 0.5}
    items = [
        {"type": "move", "rel_time": 0.0, "x": 0.25, "y": 0.5},  # a quarter of 1512, half of 982
        left | {"rel_time": 0.02, "pressed": True},
        left | {"rel_time": 0.1, "pressed": False},
        left | {"rel_time": 0.2, "pressed": True, "button": "Button.right"},
        {"type": "scroll", "rel_time": 0.3, "x": 0.5, "y": 0.5},
        {"type": "move", "rel_time": None, "x": 0.5, "y": 0.5},
        {"type": "move"},
        "noise",
        *({"type": "move", "rel_time": 1 + n / 100, "x": 0, "y": 1} for n in range(57)),
    ]
    (session,) = pointers.natural_pointer(put("mouse_data.json", json.dumps(items)))

    expected: list[Event] = [[0, "move", 378, 491], [20, "down", 756, 491], [100, "up", 756, 491]]
    assert session.events[:4] == [*expected, [1_000, "move", 0, 982]]
    assert len(session.events) == 60
