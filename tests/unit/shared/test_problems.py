"""Problem details as RFC 9457 wants them."""

import json

from shared import problems
from shared.problems import Problem, ProblemKind


def kinds() -> list[ProblemKind]:
    return [value for value in vars(problems).values() if isinstance(value, ProblemKind)]


def test_a_problem_tells_code_status_detail_and_places() -> None:
    problem = Problem(problems.INVALID_BATCH, "1 item", errors=[{"pointer": "/events/0", "code": "x", "detail": "y"}])
    document = json.loads(problem.body("0" * 31 + "1"))
    assert document["code"] == "invalid_batch"
    assert document["status"] == 422
    assert document["type"] == "urn:telltale:problem:invalid-batch"
    assert document["errors"][0]["pointer"] == "/events/0"
    assert document["trace_id"] == "0" * 31 + "1"
    assert problem.headers()["content-type"] == "application/problem+json"


def test_codes_are_unique_and_every_kind_says_what_to_do() -> None:
    assert len({kind.code for kind in kinds()}) == len(kinds()) > 10
    assert all(kind.advice.endswith(".") for kind in kinds())


def test_retry_after_is_a_header() -> None:
    assert Problem(problems.BROKER_UNAVAILABLE, retry_after_s=2).headers()["retry-after"] == "2"
