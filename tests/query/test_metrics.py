"""Each named metric against pandas, which is given the events and not what we made of them."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import sqlalchemy as sa

from etl import run_etl
from forecasting.publishing.publish import publish
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from query import Console
from query.metrics import all_metrics, metric
from stocktide.foundation.errors import NotFound
from stocktide.foundation.settings import Settings
from tests.forecasting.publications import publication
from tests.ingest.samples import raw
from tests.query.conftest import rows_of

DOCS = (Path(__file__).parents[2] / "docs" / "metrics.md").read_text("utf-8")
DAY_MINUTES = 1440
# day, product, location, kind, quantity, price; of C nothing was ever received
EVENTS = [
    (0, "A", "S1", "receipt", 50, None), (0, "A", "S2", "receipt", 20, None), (0, "B", "S1", "receipt", 30.5, None),
    (1, "A", "S1", "sale", 3, 2.5), (1, "A", "S2", "sale", 4, 2.0), (1, "B", "S1", "sale", 1.25, 10),
    (2, "A", "S1", "sale", 2, 2.5), (2, "A", "S1", "return", 1, 2.5), (2, "C", "S2", "sale", 5, 1.5),
    (35, "A", "S1", "sale", 7, 3), (35, "B", "S1", "return", 0.25, 10), (36, "A", "S2", "sale", 16, 2.2),
    (40, "B", "S1", "sale", 2.5, 9.99),
]  # fmt: skip
COSTS = {"A": 1.25, "B": 4.0}
UNITS = {"A": "each", "B": "kg", "C": "each"}


def events() -> pd.DataFrame:
    """What was sent, with signed quantities of what was sold."""
    frame = pd.DataFrame(EVENTS, columns=["day", "sku", "location", "kind", "quantity", "price"])
    frame["day"] = [
        f"{pd.Timestamp('2026-03-01') + pd.Timedelta(days=day):%Y-%m-%d}" for day in frame["day"]
    ]
    frame["unit"] = frame["sku"].map(UNITS)
    frame["sold"] = frame["quantity"].where(frame["kind"] == "sale", 0.0)
    frame["returned"] = frame["quantity"].where(frame["kind"] == "return", 0.0)
    frame["net"] = frame["sold"] - frame["returned"]
    frame["revenue"] = (frame["net"] * frame["price"]).fillna(0.0)
    received = frame["quantity"].where(frame["kind"] == "receipt", 0.0)
    frame["moved"] = received - frame["net"]
    return frame


@pytest.fixture
def chain(database: sa.Engine, console: Console) -> Console:
    """The events above, landed, and a forecast."""
    with database.begin() as connection:
        put_products(connection, [ProductIn(sku, unit=unit) for sku, unit in UNITS.items()])
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
    raws = []
    for n, (day, sku, location, kind, quantity, price) in enumerate(EVENTS):
        data: dict[str, Any] = {"product": sku, "location": location, "quantity": str(quantity)}
        if price is not None:
            data |= {"price": str(price), "currency": "EUR"}
        if kind == "receipt":
            data |= {"cost": str(COSTS[sku]), "currency": "EUR"}
        raws.append(raw(kind=kind, event_id=f"e{n}", minute=day * DAY_MINUTES, **data))
    outcomes = Recorder(database, Settings()).record("till", "application/x-ndjson", raws)
    assert {outcome.name for outcome in outcomes} == {"accepted"}
    run_etl(database, console.lake)
    publish(database, publication(), run_id=None)
    return console


def lines(frame: pd.DataFrame, *names: str) -> list[tuple[Any, ...]]:
    """Columns of a frame, line by line."""
    return list(zip(*[frame[name].tolist() for name in names], strict=True))


def by_day(frame: pd.DataFrame, *keys: str, **sums: str) -> list[tuple[Any, ...]]:
    """Sum columns by day and keys."""
    days = frame[frame["kind"].isin(["sale", "return", "receipt"])]
    summed = days.groupby(["day", *keys], as_index=False)[list(sums.values())].sum()
    return lines(summed, "day", *keys, *sums.values())


def answer(console: Console, name: str) -> list[tuple[Any, ...]]:
    """Compute a metric, with numbers as pandas has them and days as text."""
    rows = rows_of(console, metric(name).text)
    return [tuple(_plain(value) for value in row.values()) for row in rows]


def _plain(value: Any) -> Any:
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return float(value) if value is not None and not isinstance(value, str) else value


def same(found: list[tuple[Any, ...]], wanted: list[tuple[Any, ...]]) -> None:
    assert len(found) == len(wanted), (found, wanted)
    for one, other in zip(found, wanted, strict=True):
        assert list(one) == [
            pytest.approx(v, rel=1e-9, nan_ok=True) if isinstance(v, float) else v for v in other
        ]


def pairs(frame: pd.DataFrame) -> pd.DataFrame:
    """Known stock and the units of the last 28 days with data, by product and location."""
    known = frame.groupby(["sku", "location"], as_index=False).agg(
        on_hand=("moved", "sum"), received=("kind", lambda kinds: (kinds == "receipt").any())
    )
    first = f"{pd.Timestamp(frame['day'].max()) - pd.Timedelta(days=27):%Y-%m-%d}"
    recent = frame[frame["day"] >= first].groupby(["sku", "location"], as_index=False)["net"].sum()
    return known[known["received"]].merge(recent, how="left", on=["sku", "location"])


def test_sums_by_day_equal_pandas(chain: Console) -> None:
    frame = events()
    sums = by_day(frame.assign(currency="EUR"), "currency", revenue="revenue")
    found = {row[:2]: row[2] for row in answer(chain, "net_sales") if row[1]}
    assert found == pytest.approx({row[:2]: row[2] for row in sums if row[:2] in found})
    assert sum(found.values()) == pytest.approx(frame["revenue"].sum())
    same(answer(chain, "net_units"), by_day(frame, "unit", net="net"))
    rates = [
        (day, unit, returned / sold if sold else None)
        for day, unit, returned, sold in by_day(frame, "unit", returned="returned", sold="sold")
    ]
    same(answer(chain, "return_rate"), rates)
    prices = [
        (day, "EUR", unit, revenue / net if net else None)
        for day, unit, revenue, net in by_day(frame, "unit", revenue="revenue", net="net")
    ]
    same(
        [row for row in answer(chain, "average_price") if row[3] is not None],
        [p for p in prices if p[3]],
    )


def test_stock_metrics_equal_pandas(chain: Console) -> None:
    table = pairs(events())
    cover = [
        (sku, place, on_hand, on_hand / (net / 28) if net > 0 else None)
        for sku, place, on_hand, net in lines(table, "sku", "location", "on_hand", "net")
    ]
    same(answer(chain, "days_of_cover"), cover)
    sold = table.dropna(subset=["net"])
    through = [
        (sku, place, net, on_hand, net / (net + on_hand))
        for sku, place, on_hand, net in lines(sold, "sku", "location", "on_hand", "net")
    ]
    same(answer(chain, "sell_through"), through)
    value = float((table["on_hand"] * table["sku"].map(COSTS)).sum())
    same(answer(chain, "stock_value"), [("EUR", value)])


def test_gross_margin_covers_what_has_a_cost(chain: Console) -> None:
    frame = events()
    frame = frame[frame["sku"].isin(COSTS)]
    frame["cost"] = frame["net"] * frame["sku"].map(COSTS)
    wanted = {
        day: (revenue, cost, 1 - cost / revenue)
        for day, revenue, cost in by_day(frame, revenue="revenue", cost="cost")
        if revenue
    }
    found = {row[0]: row[2:] for row in answer(chain, "gross_margin") if row[4] is not None}
    assert found.keys() == wanted.keys()
    for day, figures in found.items():
        assert figures == pytest.approx(wanted[day])


def test_rates_of_tables_equal_pandas(chain: Console) -> None:
    with chain.engine.connect() as connection:
        shelves = pd.read_sql("SELECT day, known, empty FROM shelf_days", connection)
        errors = pd.read_sql(
            "SELECT level_name, model, metric, value FROM forecast_errors", connection
        )
    shelves["day"] = shelves["day"].astype(str)
    # days without sales yet are no fact
    shelves = shelves[shelves["day"] <= events()["day"].max()]
    summed = shelves.groupby("day", as_index=False)[["empty", "known"]].sum()
    wanted = [(d, float(e), float(k), e / k) for d, e, k in lines(summed, "day", "empty", "known")]
    same(answer(chain, "out_of_stock_rate"), wanted)
    wape = errors[errors["metric"] == "wape"].sort_values(["level_name", "model"])
    values = lines(wape, "level_name", "model", "value")
    assert values
    same(answer(chain, "wape"), [(*row[:2], None if pd.isna(row[2]) else row[2]) for row in values])


def test_every_metric_is_defined_in_the_docs_and_compared_here() -> None:
    defined = set(re.findall(r"^\| `(\w+)` \|", DOCS, re.MULTILINE))
    names = {one.name for one in all_metrics()}
    assert defined == names
    text = Path(__file__).read_text("utf-8")
    assert [name for name in sorted(names) if f'"{name}"' not in text] == []
    assert all(one.definition.endswith(".") for one in all_metrics())


def test_a_metric_that_there_is_not_is_named_with_all_there_are() -> None:
    with pytest.raises(
        NotFound, match=r"There is no metric 'profit'\. There are average_price, days_of_cover"
    ):
        metric("profit")
