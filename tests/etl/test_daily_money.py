"""Revenue of a day by currency, against a slow, plain reading; and what a product's currency or unit changes later."""

import json
from collections import defaultdict
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from etl.check import check_all
from etl.delta import open_table
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.foundation.lake import Lake
from stocktide.foundation.settings import Settings
from tests.examples import examples
from tests.ingest.samples import START, raw

pytestmark = pytest.mark.usefixtures("days_only")

MINUTES = 60 * 24 * 3
MICRO = Decimal(1_000_000)
currency = st.sampled_from([None, "EUR", "JPY", "CHF"])
amount = st.decimals(0, 100, places=2).map(str)
line = st.fixed_dictionaries(
    {
        "kind": st.sampled_from(["sale", "sale", "return"]),
        "minute": st.integers(0, MINUTES),
        "quantity": st.decimals("0.001", 9, places=3).map(str),
        "price": st.none() | amount,
        "line_total": st.none() | amount,
        "currency": currency,
    }
)
listed = st.fixed_dictionaries(
    {
        "kind": st.just("price"),
        "minute": st.integers(0, MINUTES),
        "price": amount,
        "currency": currency,
    }
)


def revenue_by_day(
    events: list[dict[str, Any]], of_product: str | None
) -> dict[tuple[date, str], Decimal]:
    """Exact amounts in the order of time; one without a currency is in that of the price list, else of the product."""
    ordered = sorted(enumerate(events), key=lambda item: (item[1]["minute"], item[0]))
    of_list: str | None = None
    days: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    for _, e in ordered:
        if e["kind"] == "price":
            of_list = e["currency"] or of_product or ""
            continue
        day = (START + timedelta(minutes=e["minute"])).date()
        code = next(c for c in (e["currency"], of_list, of_product, "") if c is not None)
        sign = 1 if e["kind"] == "sale" else -1
        if e["line_total"] is not None:
            days[day, code] += sign * Decimal(e["line_total"])
        elif e["price"] is not None:
            days[day, code] += sign * Decimal(e["price"]) * Decimal(e["quantity"])
    return {key: (value * MICRO).quantize(Decimal(1), ROUND_HALF_UP) for key, value in days.items()}


def stored(rows: list[dict[str, Any]]) -> dict[tuple[date, str], Decimal]:
    """The same of rows of daily_demand."""
    found: dict[tuple[date, str], Decimal] = {}
    for row in rows:
        found[row["day"], row["currency"]] = Decimal(row["revenue_micros"])
        others = row["other_revenue"] or {}
        for code, micros in (json.loads(others) if isinstance(others, str) else others).items():
            found[row["day"], code] = Decimal(micros)
    return found


def nonzero(days: dict[tuple[date, str], Decimal]) -> dict[tuple[date, str], Decimal]:
    return {key: value for key, value in days.items() if value}


def lake_rows(lake: Lake, product_id: int) -> list[dict[str, Any]]:
    table = open_table(lake, "daily_demand")
    assert table is not None
    return [r for r in table.to_pyarrow_table().to_pylist() if r["product_id"] == product_id]


def served_rows(engine: sa.Engine, product_id: int) -> list[dict[str, Any]]:
    query = sa.text("SELECT * FROM daily_demand WHERE product_id = :product_id")
    with engine.connect() as connection:
        return [dict(r) for r in connection.execute(query, {"product_id": product_id}).mappings()]


def without_none(event: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in event.items() if value is not None}


@settings(max_examples=examples(6), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    batches=st.lists(st.lists(line | listed, min_size=1, max_size=8), min_size=1, max_size=3),
    of_product=st.sampled_from([None, "EUR", "JPY"]),
    told_late=st.booleans(),
)
def test_revenue_of_a_day_is_that_of_its_lines_by_currency(
    database: sa.Engine,
    tmp_path_factory: Any,
    batches: list[list[dict[str, Any]]],
    of_product: str | None,
    told_late: bool,
) -> None:
    folder: Path = tmp_path_factory.mktemp("lake")
    sku = folder.name  # a product of its own an example: the ledger forgets nothing
    told = ProductIn(sku, currency=of_product, unit="kg")
    with database.begin() as connection:
        first = ProductIn(sku, unit="kg") if told_late else told
        product_id = put_products(connection, [first])[0]
        put_locations(connection, [LocationIn("S1")])
    recorder, lake = Recorder(database, Settings()), Lake(str(folder))
    events: list[dict[str, Any]] = []
    for batch in batches:
        for event in batch:
            one = raw(event_id=f"{sku}-{len(events)}", product=sku, **without_none(event))
            assert recorder.record("till", "", [one])[0].name == "accepted"
            events.append(event)
        run_etl(database, lake)
    if told_late:
        with database.begin() as connection:
            put_products(connection, [told])
        run_etl(database, lake)
    expected = nonzero(revenue_by_day(events, of_product))
    assert nonzero(stored(lake_rows(lake, product_id))) == expected
    assert nonzero(stored(served_rows(database, product_id))) == expected
    query = (
        "SELECT day, l.currency, sum(l.revenue_micros) FROM location_daily l WHERE EXISTS (SELECT FROM daily_demand d"
        " WHERE d.day = l.day) GROUP BY 1, 2"
    )
    with database.connect() as connection:
        whole = {(r[0], r[1]): r[2] for r in connection.execute(sa.text(query)).all()}
        pairs = stored_sums(connection)
    assert nonzero(whole) == nonzero(pairs)


def stored_sums(connection: sa.Connection) -> dict[tuple[date, str], Decimal]:
    """Revenue of all pairs by day and currency, added up here."""
    found: dict[tuple[date, str], Decimal] = defaultdict(Decimal)
    query = "SELECT day, currency, revenue_micros, other_revenue FROM daily_demand"
    for row in connection.execute(sa.text(query)).all():
        found[row.day, row.currency] += row.revenue_micros
        for code, micros in (row.other_revenue or {}).items():
            found[row.day, code] += micros
    return dict(found)


def test_check_is_green_over_several_currencies_and_after_a_currency_is_told(
    database: sa.Engine, tmp_path: Path
) -> None:
    with database.begin() as connection:
        put_products(connection, [ProductIn("A"), ProductIn("B", unit="kg")])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2", timezone="Asia/Tokyo")])
    recorder, lake = Recorder(database, Settings()), Lake(str(tmp_path / "lake"))
    sales = [
        raw(kind="sale", event_id=f"{place}{product}{code}", product=product, location=place,
            quantity=2, price="1.50", **({"currency": code} if code else {}))
        for place in ("S1", "S2") for product in ("A", "B") for code in ("", "EUR", "JPY")
    ]  # fmt: skip
    assert {one.name for one in recorder.record("till", "", sales)} == {"accepted"}
    run_etl(database, lake)
    assert check_all(database, lake).holds
    with database.begin() as connection:
        put_products(connection, [ProductIn("A", currency="CHF"), ProductIn("B", unit="KGM")])
    run_etl(database, lake)
    check = check_all(database, lake)
    assert check.holds, check.repair
    query = sa.text("SELECT unit, currency, sum(revenue_micros) FROM location_daily GROUP BY 1, 2")
    with database.connect() as connection:
        found = {(r[0], r[1]): int(r[2]) for r in connection.execute(query).all()}
    # two shops, each 3.00 in each currency
    assert found == {
        ("each", "CHF"): 6_000_000, ("each", "EUR"): 6_000_000, ("each", "JPY"): 6_000_000,
        ("KGM", ""): 6_000_000, ("KGM", "EUR"): 6_000_000, ("KGM", "JPY"): 6_000_000,
    }  # fmt: skip
