"""A request is done once; another one under its id is refused, and told which line differs."""

from typing import Any

import pytest

from tests.conftest import Api
from tests.purchasing.desk.acting import decide, lines, on
from tests.stocktide.entrypoints.test_api import check_problem

OTHERS: list[tuple[dict[str, Any], str]] = [
    ({"quantity": 77}, "another quantity"),
    ({"reason": "a fair"}, "another reason"),
    ({"seen": 2}, "another seen"),
    ({"action": "snooze", "until": "2099-01-01"}, "another action, day"),
]


@pytest.mark.parametrize(("told", "said"), OTHERS)
def test_another_request_under_an_id_is_refused(desk: Api, told: dict[str, Any], said: str) -> None:
    line = lines(desk)["A"]
    first = on(line, "change", quantity=4, reason="less")
    (done,) = decide(desk, first, request="r")
    assert decide(desk, first, request="r") == [done]
    body = {"request": "r", "decisions": [{**first, **told}]}
    detail = check_problem(desk.operate.post("/v1/orders", json=body), 409, "request_used")[
        "detail"
    ]
    assert f"line {line['line_id']} had {said}" in detail
    assert lines(desk)["A"]["quantity"] == 4.0


def test_a_line_that_was_not_in_a_request_is_not_said_to_have_been_refused(desk: Api) -> None:
    a, b, c = lines(desk).values()
    first = [on(a, "reject", reason="no"), {**on(b, "approve"), "seen": 9}]
    done, refused = decide(desk, *first, request="r")
    assert (done["error"], refused["error"]["code"]) == (None, "line_changed")
    again = decide(desk, *first, request="r")
    assert [one["error"] and one["error"]["code"] for one in again] == [None, "refused_before"]
    for decisions, said in (
        ([*first, on(c, "approve")], f"line {c['line_id']} was not in it then"),
        (first[:1], f"line {b['line_id']} was in it then, and is not now"),
    ):
        body = {"request": "r", "decisions": decisions}
        problem = check_problem(desk.operate.post("/v1/orders", json=body), 409, "request_used")
        assert said in problem["detail"]
    assert lines(desk).keys() == {"B", "C"}


def test_a_request_of_which_all_was_refused_is_done_once_as_well(desk: Api) -> None:
    line = lines(desk)["A"]
    (refused,) = decide(desk, {**on(line, "approve"), "seen": 2}, request="r")
    assert refused["error"]["code"] == "line_changed"
    decide(desk, on(line, "change", quantity=3, reason="less"))
    (again,) = decide(desk, {**on(line, "approve"), "seen": 2}, request="r")
    assert again["error"]["code"] == "refused_before"
