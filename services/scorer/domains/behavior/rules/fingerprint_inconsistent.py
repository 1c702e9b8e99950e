"""The facts a device tells cannot be true together.

The user agent speaks of another system than the platform or the client hints, of another version than the brands, or
of a phone whose screen feels no finger. Tools that forge one fact forget the others. So do people who borrow another
user agent for privacy, which is why this weighs little and counts once, however many facts disagree. Facts that are
missing or rounded disagree with nothing.
"""

from services.scorer.rules import Rule, at_least, hit, no_hit, unknown

RULE = Rule(
    reason="FINGERPRINT_INCONSISTENT",
    weight=0.3,
    message="What the device tells about itself cannot all be true.",
    enough=(at_least("fingerprint_checks", 1, why="two facts are needed to disagree"),),
    when=(at_least("fingerprint_conflicts", 1, why="the checks hold for every browser that tells the truth"),),
    cases=(
        hit("Windows, it says, on a Linux platform", fingerprint_checks=2, fingerprint_conflicts=1),
        no_hit("an ordinary browser", fingerprint_checks=3, fingerprint_conflicts=0),
        unknown("a browser that tells little", fingerprint_checks=0, fingerprint_conflicts=None),
    ),
)
