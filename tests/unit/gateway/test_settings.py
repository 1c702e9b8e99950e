import pytest
from pydantic import ValidationError

from services.gateway.settings import GatewaySettings


@pytest.mark.parametrize(
    "limits",
    [
        {"max_in_flight_batches": 99},
        {"max_batches_per_request": 5_000, "max_in_flight_batches": 4_999},
    ],
)
def test_limits_that_no_request_could_ever_pass_are_refused(limits: dict[str, int]) -> None:
    with pytest.raises(ValidationError, match="must be at least max_"):
        GatewaySettings.model_validate(limits)


def test_limits_of_exactly_one_request_are_allowed() -> None:
    settings = GatewaySettings.model_validate({"max_batches_per_request": 7, "max_in_flight_batches": 7})
    assert settings.max_in_flight_batches == 7
