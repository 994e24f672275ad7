import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.calendar import KINDS, Wanted, list_plans, put_plans, withdraw_plan
from ingest.calendar.shapes import ClosureIn, EventIn, PriceIn, PromotionIn, RegressorIn
from stocktide.foundation.errors import Invalid, NotFound

FIRST, LAST = date(2027, 3, 1), date(2027, 3, 14)


def promotion(**changed: Any) -> PromotionIn:
    """A promotion of A, as p1."""
    fields: dict[str, Any] = {
        "id": "p1",
        "product": "A",
        "from_": FIRST,
        "to": LAST,
        "discount": 0.3,
    }
    return PromotionIn(**{**fields, **changed})


def put(engine: sa.Engine, kind: str, *plans: Any) -> tuple[int, int, int]:
    """Record plans in a transaction; gives recorded, changed, unchanged."""
    with engine.begin() as connection:
        done = put_plans(connection, kind, plans, by="anna")
    return done.recorded, done.changed, done.unchanged


def in_force(engine: sa.Engine, kind: str, **wanted: Any) -> list[dict[str, Any]]:
    with engine.connect() as connection:
        return list_plans(connection, kind, Wanted(**wanted))


EXAMPLES: dict[str, Any] = {
    "events": EventIn(id="x", name="Fair", day=FIRST, days_before=1, days_after=2, location="S1"),
    "prices": PriceIn(id="x", product="A", region="North", from_=FIRST, price="1.29"),
    "promotions": promotion(id="x", kind="leaflet", discount=None, price=Decimal("0.99")),
    "closures": ClosureIn(id="x", country="DE", from_=FIRST, to=LAST, state="open"),
    "regressors": RegressorIn(
        id="x", name="temperature", category="Fruit", from_=FIRST, to=LAST, value=-3.5
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_plan_is_read_back_as_it_was_sent(chain: sa.Engine, kind: str) -> None:
    sent = EXAMPLES[kind]
    assert put(chain, kind, sent) == (1, 0, 0)
    (found,) = in_force(chain, kind)
    assert (found["recorded_by"], found["withdrawn_at"]) == ("anna", None)
    assert found["known_since"] == found["recorded_at"]
    shape = KINDS[kind].shape
    for field, name in zip(shape.__struct_fields__, shape.__struct_encode_fields__, strict=True):
        if name not in ("known_since", "price"):
            assert found[name] == getattr(sent, field), name
    if "price" in found:
        assert found["price"] == float(sent.price)


@pytest.mark.parametrize("kind", KINDS)
def test_same_plan_again_changes_nothing(chain: sa.Engine, kind: str) -> None:
    put(chain, kind, EXAMPLES[kind])
    before = in_force(chain, kind, history=True)
    assert put(chain, kind, EXAMPLES[kind]) == (0, 0, 1)
    assert in_force(chain, kind, history=True) == before


def test_plan_without_an_id_is_known_again_by_its_content(chain: sa.Engine) -> None:
    assert put(chain, "promotions", promotion(id=None)) == (1, 0, 0)
    assert put(chain, "promotions", promotion(id=None)) == (0, 0, 1)
    assert put(chain, "promotions", promotion(id=None, discount=0.4)) == (1, 0, 0)


def test_change_is_a_new_row_and_what_was_known_before_can_still_be_read(chain: sa.Engine) -> None:
    put(chain, "promotions", promotion())
    (first,) = in_force(chain, "promotions")
    assert put(chain, "promotions", promotion(discount=0.5)) == (0, 1, 0)
    (second,) = in_force(chain, "promotions")
    assert second["discount"] == 0.5
    assert second["calendar_id"] > first["calendar_id"]
    rows = in_force(chain, "promotions", history=True)
    assert [(row["discount"], row["withdrawn_by"]) for row in rows] == [(0.3, "anna"), (0.5, None)]
    assert rows[0]["withdrawn_at"] == second["known_since"]
    (then,) = in_force(chain, "promotions", as_of=first["known_since"])
    assert then["discount"] == 0.3


def test_withdrawn_plan_is_no_longer_in_force_and_may_be_sent_again(chain: sa.Engine) -> None:
    put(chain, "promotions", promotion())
    (before,) = in_force(chain, "promotions")
    with chain.begin() as connection:
        withdraw_plan(connection, "promotions", "p1", by="ben")
    assert in_force(chain, "promotions") == []
    (then,) = in_force(chain, "promotions", as_of=before["known_since"])
    assert (then["withdrawn_by"], then["discount"]) == ("ben", 0.3)
    with chain.begin() as connection, pytest.raises(NotFound, match="no plan 'p1'"):
        withdraw_plan(connection, "promotions", "p1", by="ben")
    assert put(chain, "promotions", promotion()) == (1, 0, 0)


def test_plan_of_a_clock_that_runs_ahead_is_known_since_now(chain: sa.Engine) -> None:
    put(chain, "promotions", promotion(known_since=datetime.now(UTC) + timedelta(minutes=2)))
    (found,) = in_force(chain, "promotions")
    assert found["known_since"] == found["recorded_at"]


def test_two_changes_of_one_plan_at_once_leave_one_in_force(chain: sa.Engine) -> None:
    put(chain, "promotions", promotion())
    with ThreadPoolExecutor(4) as pool:
        shares = [0.1, 0.2, 0.4, 0.5]
        counts = list(pool.map(lambda s: put(chain, "promotions", promotion(discount=s)), shares))
    assert counts == [(0, 1, 0)] * 4
    (now,) = in_force(chain, "promotions")
    rows = in_force(chain, "promotions", history=True)
    assert [row["withdrawn_at"] is None for row in rows] == [False] * 4 + [True]
    assert rows[-1] == now


def test_older_plan_that_is_recorded_later_was_known_since_it_was_decided(chain: sa.Engine) -> None:
    decided = datetime(2026, 1, 5, tzinfo=UTC)
    put(chain, "promotions", promotion(known_since=decided))
    assert in_force(chain, "promotions", as_of=decided - timedelta(seconds=1)) == []
    (then,) = in_force(chain, "promotions", as_of=decided)
    assert then["known_since"] == decided
    assert then["recorded_at"] > decided
    # what replaces it as of an earlier moment leaves nothing of it
    put(chain, "promotions", promotion(discount=0.1, known_since=decided))
    (now,) = in_force(chain, "promotions", as_of=decided)
    assert now["discount"] == 0.1


WRONG: list[tuple[str, Any, str]] = [
    ("promotions", promotion(to=FIRST - timedelta(days=1)), r"promotions\[0\].to: .* is before"),
    ("promotions", promotion(to=date(2035, 1, 1)), "longer than"),
    ("promotions", promotion(discount=30.0), r"0.3 is 30 % off. Did you mean 0.3\?"),
    ("promotions", promotion(discount=0.99), "not a share"),
    ("promotions", promotion(discount=float("nan")), "not a share"),
    ("promotions", promotion(discount=0.0), "not a share"),
    ("promotions", promotion(price=Decimal(1)), "the price or the discount"),
    ("promotions", promotion(discount=None, price=Decimal(-1)), "not a price above 0"),
    ("promotions", promotion(discount=None, price=Decimal("1e500000")), "not a price above 0"),
    ("promotions", promotion(category="Fruit"), "has its department and category already"),
    ("promotions", promotion(kind=" "), "no name"),
    ("promotions", promotion(known_since=datetime(2100, 1, 1, tzinfo=UTC)), "lies ahead"),
    ("promotions", promotion(known_since=datetime(2020, 1, 1)), "no offset"),  # noqa: DTZ001 - what is refused
    ("prices", PriceIn(from_=FIRST, price=1), "of a product, a category or a department"),
    ("prices", PriceIn(product="A", from_=FIRST, price=0), "not a price above 0"),
    ("events", EventIn(name="Fair", day=date(2206, 1, 1)), "2206-01-01 is not from"),
    ("events", EventIn(name="a\x00b", day=FIRST), "no name"),
    ("regressors", RegressorIn(name="price", from_=FIRST, to=LAST, value=1.0), "a kind of plan of its own"),
    ("regressors", RegressorIn(name="t", from_=FIRST, to=LAST, value=float("inf")), "not a number"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "plan", "said"), WRONG)
def test_wrong_plan_is_refused_with_its_place(
    chain: sa.Engine, kind: str, plan: Any, said: str
) -> None:
    with pytest.raises(Invalid, match=said):
        put(chain, kind, plan)
    assert in_force(chain, kind, history=True) == []


@pytest.mark.parametrize(
    "key", ["product", "department", "category", "location", "region", "country"]
)
def test_unknown_name_is_named_and_nothing_is_written(chain: sa.Engine, key: str) -> None:
    limit: dict[str, Any] = {key: "nowhere"}
    wrong = EventIn(name="Fair", day=FIRST, **limit)
    with pytest.raises(NotFound, match=rf"events\[1\].{key}: there is no {key} 'nowhere'"):
        put(chain, "events", EventIn(name="Fair", day=FIRST), wrong)
    assert in_force(chain, "events", history=True) == []


def test_id_that_stands_there_twice_is_refused(chain: sa.Engine) -> None:
    with pytest.raises(Invalid, match="id p1 stands 1 row before, too"):
        put(chain, "promotions", promotion(), promotion(discount=0.2))


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE planned_promotions SET discount = 0.1",
        "UPDATE planned_promotions SET withdrawn_at = now(), withdrawn_by = 'x', discount = 0.1",
        "DELETE FROM planned_promotions",
    ],
)
def test_row_is_never_overwritten(chain: sa.Engine, change: str) -> None:
    put(chain, "promotions", promotion())
    with (
        chain.begin() as connection,
        pytest.raises(sa.exc.DBAPIError, match="plans are not changed"),
    ):
        connection.execute(sa.text(change))


CHANGES = st.lists(
    st.tuples(st.sampled_from("pq"), st.sampled_from([None, 0.1, 0.2, 0.3])), min_size=1, max_size=8
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=CHANGES)
def test_any_moment_shows_the_plans_as_they_then_stood(
    chain: sa.Engine, changes: list[tuple[str, float | None]]
) -> None:
    """Against a plain dictionary that is copied after every change; None withdraws."""
    with chain.begin() as connection:
        for row in list_plans(connection, "promotions", Wanted()):
            withdraw_plan(connection, "promotions", row["id"], by="x")
    now: dict[str, float] = {}
    stood: list[tuple[datetime, dict[str, float]]] = []
    for name, discount in changes:
        with chain.begin() as connection:
            if discount is not None:
                put_plans(connection, "promotions", [promotion(id=name, discount=discount)], by="x")
                now[name] = discount
            elif name in now:
                withdraw_plan(connection, "promotions", name, by="x")
                del now[name]
            at = connection.execute(sa.text("SELECT now()")).scalar_one()
        stood.append((at, dict(now)))
    for at, expected in stood:
        found = in_force(chain, "promotions", as_of=at)
        assert {row["id"]: row["discount"] for row in found} == expected


def test_list_is_narrowed_by_days_product_and_location(chain: sa.Engine) -> None:
    put(
        chain,
        "promotions",
        promotion(id="a"),
        promotion(id="b", product="B", location="S1"),
        promotion(id="late", from_=date(2027, 6, 1), to=date(2027, 6, 2)),
    )
    put(chain, "prices", PriceIn(id="open", product="A", from_=FIRST, price=1))

    def ids(kind: str = "promotions", **wanted: Any) -> list[str]:
        return [plan["id"] for plan in in_force(chain, kind, **wanted)]

    assert ids() == ["a", "b", "late"]
    assert ids(since=LAST + timedelta(days=1)) == ["late"]
    assert ids(until=FIRST) == ["a", "b"]
    assert ids(until=FIRST - timedelta(days=1)) == []
    assert (ids(product="B"), ids(location="S1"), ids(plan="a")) == (["b"], ["b"], ["a"])
    assert ids("prices", since=date(2099, 1, 1)) == ["open"]
    assert json.dumps(ids())
