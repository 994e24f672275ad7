"""Lead times from events: orders and receipts of any number of parts, as the API and the command line show them."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import run_etl
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from purchasing import learn_and_keep, list_lead_times
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.ingest.samples import START, raw

DAY = 1440
TODAY = (START + timedelta(days=40)).date()
EMPTY: dict[str, Any] = {"supplier": None, "product": None}


@pytest.fixture
def lake(database: sa.Engine, tmp_path: Path) -> Lake:
    """Thirty orders of A that took 5 days, one of B in two parts, one of C that is open, and one without a supplier."""
    with database.begin() as connection:
        put_products(connection, [ProductIn(sku) for sku in "ABC"])
        put_locations(connection, [LocationIn("S1")])
    sent = [event for number in range(30) for event in bought("A", f"a{number}", number, {5: 10})]
    sent += bought("B", "b", 3, {2: 4, 9: 6}) + bought("C", "c", 35, {})
    sent += bought("A", "nobody", 1, {1: 10}, supplier=None)
    outcomes = Recorder(database, Settings()).record("till", "", sent)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    lake = Lake(str(tmp_path / "lake"))
    run_etl(database, lake)
    return lake


def bought(
    product: str, order: str, day: int, came: dict[int, int], *, supplier: str | None = "mill"
) -> list[bytes]:
    """An order of ten, and what came of it after so many days."""
    told: dict[str, Any] = {"product": product, "order_id": order}
    if supplier is not None:
        told["supplier"] = supplier
    receipts = [
        raw(kind="receipt", event_id=f"{order}-{after}", minute=(day + after) * DAY, quantity=quantity, **told)
        for after, quantity in came.items()
    ]  # fmt: skip
    return [raw(kind="order", event_id=order, minute=day * DAY, quantity=10, **told), *receipts]


def listed(engine: sa.Engine, **asked: str) -> dict[str | None, dict[str, Any]]:
    with engine.connect() as connection:
        return {row["product"]: row for row in list_lead_times(connection, **(EMPTY | asked))}


def test_lead_times_are_learnt_for_each_product_and_its_supplier(
    database: sa.Engine, lake: Lake
) -> None:
    done = learn_and_keep(database, lake, today=TODAY)
    assert (done["pairs"], done["suppliers"], done["lines"]) == (3, 1, pytest.approx(32))
    of = listed(database)
    assert list(of) == [None, "A", "B", "C"]
    assert (of["A"]["lines"], of["A"]["open_lines"], of["A"]["p50"]) == (30, 0, 5)
    assert of["A"]["mean_days"] == pytest.approx(5, abs=0.3)
    assert of["B"]["shares"][2] > of["A"]["shares"][2]
    assert (of["C"]["lines"], of["C"]["open_lines"]) == (1, 1)
    assert of["C"]["unfulfilled"] >= of["A"]["unfulfilled"]
    assert listed(database, product="B").keys() == {"B"}


def test_learning_again_replaces_what_was_learnt(database: sa.Engine, lake: Lake) -> None:
    first = learn_and_keep(database, lake, today=TODAY)
    assert learn_and_keep(database, lake, today=TODAY) == first
    assert len(listed(database)) == 4


def test_without_a_delivery_nothing_is_learnt(database: sa.Engine, tmp_path: Path) -> None:
    lake = Lake(str(tmp_path / "lake"))
    with pytest.raises(NotFound, match="run the ETL first"):
        learn_and_keep(database, lake, today=TODAY)
    with database.begin() as connection:
        put_products(connection, [ProductIn("A")])
        put_locations(connection, [LocationIn("S1")])
    Recorder(database, Settings()).record("till", "", bought("A", "a", 1, {}))
    run_etl(database, lake)
    done = learn_and_keep(database, lake, today=datetime.now(UTC).date())
    assert (done["pairs"], done["why"]) == (0, "no order has been delivered yet")
    assert listed(database) == {}


def test_what_came_before_its_order_teaches_nothing(database: sa.Engine, lake: Lake) -> None:
    before = learn_and_keep(database, lake, today=TODAY)
    late = [event for n in range(9) for event in bought("A", f"late{n}", 20, {-2: 10})]
    assert {one.name for one in Recorder(database, Settings()).record("till", "", late)} == {
        "accepted"
    }
    run_etl(database, lake)
    assert learn_and_keep(database, lake, today=TODAY)["lines"] == before["lines"]
    assert listed(database)["A"]["p50"] == 5


def test_no_day_lies_before_the_order(database: sa.Engine, lake: Lake) -> None:
    """A clock that is behind, or a past day, counts as day 0."""
    done = learn_and_keep(database, lake, today=date(2020, 1, 1))
    assert done["pairs"] == 3
