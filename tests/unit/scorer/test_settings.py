import pytest
from pydantic import ValidationError

from services.scorer.settings import ScorerSettings


def test_a_trial_that_the_watchdog_would_take_for_a_stall_is_refused() -> None:
    assert ScorerSettings.model_validate({"trial_timeout_s": 1, "stall_timeout_s": 2}).trial_timeout_s == 1
    with pytest.raises(ValidationError, match="at most half of stall_timeout_s"):
        ScorerSettings.model_validate({"trial_timeout_s": 1.1, "stall_timeout_s": 2})
