"""The sources of recordings of people: whose they are, under which licence, and what reads them.

None of them is part of this project. Decision 0016 tells why models learn from those that state no licence, too.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from services.scorer.lab.recordings import experiments, keys, pointers, touches
from services.scorer.lab.recordings.recorded import Recorded

Reader = Callable[[Path], Iterator[Recorded]]

_NONE: Final = "none stated"


@dataclass(frozen=True, slots=True)
class Source:
    """A source: its readers by GitHub repository.

    ``people`` are how many the recordings tell apart; None when they tell none. ``most`` is how many sessions are kept.
    """

    name: str
    licence: str
    people: int | None
    task: str
    readers: Mapping[str, Reader]
    group: str = ""
    file: str = ""
    most: int = 600


_UNISTROKE: Final = "shriyansnidhish/Dollar-one-recognizer"
_MOBIKEY: Final = "subhro101/Effective-touch-dynamics-feature"

SOURCES: Final = (
    Source(
        "sapimouse", "MIT", 122, "click, drag and point in a game, desktop mice",
        {"jjmatthiesen/trajectoryAnimation_SapiMouse": pointers.sapimouse},
        group="human_web", file="sapimouse_mouse.jsonl.gz", most=1_000,
    ),
    Source(
        "negation_web", _NONE, 128, "choose one of two answers, in the person's own browser",
        {"moramaldonado/MouseTracking": experiments.negation},
    ),
    Source(
        "magpie_dale", _NONE, 125, "choose an animal's category, in the person's own browser",
        {
            "lokonnek/The-effect-of-atypical-exemplars-on-the-manual-response-in-a-categorization-task-REPLICATION":
                experiments.magpie_animals,
            "lukasschueler/XPLab2020_FinalProject": experiments.magpie_dale,
        },
    ),
    Source(
        "motr_albanian", _NONE, 50, "read a blurred text under the cursor, in a browser",
        {"amina-crypto/Mouse-Tracking-for-Albanian-Experiment-": experiments.motr},
    ),
    Source(
        "cogminu_moved", _NONE, 79, "choose by arrow, word or location, in a lab",
        {"nahyunli/mousetracking_cogminu": experiments.cogminu},
    ),
    Source(
        "kh2017_moved", "GPL-3 (in the package mousetrap)", 60, "choose an animal's category, in a lab",
        {"PascalKieslich/mousetrap-resources": experiments.kieslich},
    ),
    Source(
        "freihaut_lab", "GPL-3", 53, "click circles under high and low stress, in a lab",
        {"Freihaut/Freihaut_Goeritz-2021-Study_Files-Mouse": experiments.freihaut},
    ),
    Source(
        "dsjtzs_slider", _NONE, None, "drag the slider of a captcha",
        {"buy22/Human-Bot-Classifier-based-on-mouse-movement": pointers.dsjtzs},
    ),
    Source(
        "captchat", _NONE, None, "go to the box of a captcha",
        {"GregoireSauvage/CAPTCHAT": pointers.captchat},
    ),
    Source(
        "unistroke_touchpad", _NONE, 6, "draw shapes with a touchpad",
        {_UNISTROKE: touches.unistroke_touchpad},
    ),
    Source(
        "gousekid", "MIT", 1, "go to targets, desktop",
        {"gousekid/human_mouse_movement_learning": pointers.gousekid},
    ),
    Source(
        "jrcalgo", "MIT", 1, "use of a window, desktop",
        {"jrcalgo/generative-mouse-trajectories": pointers.jrcalgo},
    ),
    Source(
        "natural_pointer", "MIT", 1, "everyday use of a desktop",
        {"199-bio/natural-pointer": pointers.natural_pointer},
    ),
    Source(
        "shapematch_touch", _NONE, 16, "join shapes by finger, in a game on a tablet",
        {"sallaji/game_for_touch_gesture_data_analysis": touches.shapematch},
    ),
    Source(
        "biotouch_writing", _NONE, 32, "write words by finger, on phones",
        {"lucmos/biotouch": touches.biotouch},
    ),
    Source(
        "unistroke_finger", _NONE, 6, "draw shapes by finger, on a laptop's screen",
        {_UNISTROKE: touches.unistroke_finger},
    ),
    Source(
        "mobikey_touch", _NONE, 54, "type passwords on a tablet, as taps",
        {_MOBIKEY: touches.mobikey_touch},
    ),
    Source(
        "mobikey_keys", _NONE, 54, "type passwords on a tablet, as keys",
        {_MOBIKEY: keys.mobikey_keys},
    ),
    Source(
        "fakeprofile_keys", _NONE, 22, "write freely as an invented person, on laptops",
        {"AlvinKuruvilla/keystroke-data": keys.fakeprofile},
    ),
    Source(
        "iiitbh_keys", "ODbL 1.0", 17, "type one password many times, on laptops",
        {"aroonav/IIITBh-keystroke": keys.iiitbh},
    ),
)  # fmt: skip
