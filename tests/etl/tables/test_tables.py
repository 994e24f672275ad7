"""The further tables of the lake: worked out by hand, and the same whether made run by run or at once."""

from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import DeltaTable, write_deltalake
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from etl import run_etl
from etl.delta import open_table
from etl.dimensions import Dimensions, read_dimensions
from etl.rebuild import rebuild_lake
from etl.serving_feeds import last_days
from etl.sql_engine import duck_engine
from etl.tables.proof import compare_table
from etl.tables.schemas import KEPT
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from stocktide.domain.arrival import ARRIVAL_HOURS
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import FEEDS_DAYS
from stocktide.foundation.settings import Settings
from tests.examples import examples
from tests.ingest.samples import raw

DAY = 24 * 60


class Chain:
    """Two products at two places, recorded and landed."""

    def __init__(self, engine: sa.Engine, folder: Path) -> None:
        self.engine, self.lake, self.count = engine, Lake(str(folder)), 0
        with engine.begin() as connection:
            put_products(connection, [ProductIn("A", currency="EUR"), ProductIn("B", unit="kg")])
            put_locations(
                connection, [LocationIn("S1", timezone="Europe/Berlin"), LocationIn("S2")]
            )
        self.recorder = Recorder(engine, Settings())

    def send(self, kind: str, day: int, minute: int = 0, **data: Any) -> str:
        """Record an event; returns its id."""
        self.count += 1
        name = f"e{self.count}"
        sent = raw(kind=kind, event_id=name, minute=day * DAY + minute, **data)
        (outcome,) = self.recorder.record("till", "", [sent])
        # what a correction is about may be corrected already
        assert outcome.name == "accepted" or kind == "correction", outcome
        return name

    def rows(self, table: LakeTable) -> list[dict[str, Any]]:
        """Read a table, in the order of all its columns."""
        opened = open_table(self.lake, table)
        assert opened is not None
        return sorted(opened.to_pyarrow_table().to_pylist(), key=str)

    def row(self, table: LakeTable) -> dict[str, Any]:
        """Read the only row of a table."""
        (row,) = self.rows(table)
        return row

    def prove(self) -> None:
        """Compare every table with what a run over everything makes of the lake."""
        dimensions = read_dimensions(self.engine)
        for table in KEPT.values():
            compared = compare_table(self.engine, self.lake, dimensions, table)
            assert (compared.differ, compared.waiting) == (0, 0), table.name


@pytest.fixture
def chain(database: sa.Engine, tmp_path: Path) -> Chain:
    return Chain(database, tmp_path / "lake")


def day(number: int) -> date:
    """The business day on which an event of a day happens."""
    return date(2026, 3, 1) + timedelta(days=number)


def picked(row: dict[str, Any], *names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names)


def test_what_becomes_known_while_a_run_begins_is_known_to_its_tables(
    chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(engine: sa.Engine) -> Dimensions:
        """Read what is known; the first time somebody opens a shop right after, and sells in its evening."""
        before = read_dimensions(engine)
        if chain.count == 0:
            with engine.begin() as connection:
                put_products(connection, [ProductIn("C", currency="USD")])
                put_locations(connection, [LocationIn("S3", timezone="America/Los_Angeles")])
            of = {"product": "C", "location": "S3"}
            chain.send("order", 0, -240, quantity=9, order_id="PO1", **of)
            chain.send("sale", 0, -240, quantity=2, price="1.5", order_id="T1", order_line=1, **of)
        return before

    monkeypatch.setattr("etl.run.read_dimensions", read)
    run_etl(chain.engine, chain.lake)
    line = chain.row("order_lines")
    assert picked(line, "day", "currency") == (date(2026, 2, 28), "USD")
    chain.prove()


def test_orders_and_their_lines(chain: Chain) -> None:
    sold: dict[str, Any] = {"order_id": "T1", "customer_id": "c-1", "channel": "web"}
    chain.send("sale", 0, quantity=2, price="1.5", order_line=1, **sold)
    chain.send(
        "sale", 0, 1, quantity=1, price="4", order_line=2, product="B", currency="SEK", **sold
    )
    chain.send("return", 3, quantity=1, price="1.5", order_line=1, **sold)
    run_etl(chain.engine, chain.lake)
    first, second = sorted(chain.rows("order_lines"), key=lambda row: row["order_line"])
    amounts = ("sold_milli", "returned_milli", "sales_micros", "returns_micros", "currency", "unit")
    assert picked(first, *amounts) == (2000, 1000, 3_000_000, 1_500_000, "EUR", "each")
    assert picked(second, *amounts) == (1000, 0, 4_000_000, 0, "SEK", "kg")
    assert picked(first, "day", "month", "channel") == (date(2026, 3, 1), "2026-03", "web")
    of_order = {row["currency"]: row for row in chain.rows("orders")}
    assert picked(of_order["EUR"], "lines", "sales_micros", "returns_micros") == (
        1,
        3_000_000,
        1_500_000,
    )
    assert of_order["EUR"]["last_at"] > of_order["EUR"]["ordered_at"]
    customer = {row["currency"]: row for row in chain.rows("customers")}["EUR"]
    assert picked(customer, "orders", "days", "sales_micros") == (1, 1, 3_000_000)


def test_a_purchase_lists_what_came_of_it_day_by_day(chain: Chain) -> None:
    chain.send(
        "order",
        0,
        quantity=10,
        order_id="PO7",
        supplier="mill",
        expected_on="2026-03-04",
    )
    chain.send("receipt", 3, quantity=6, order_id="PO7", cost="2")
    run_etl(chain.engine, chain.lake)
    late = chain.send("receipt", 5, quantity=4, order_id="PO7", cost="3")
    run_etl(chain.engine, chain.lake)
    row = chain.row("purchases")
    assert picked(row, "supplier", "ordered_milli", "received_milli") == ("mill", 10_000, 10_000)
    assert picked(row, "receipts", "expected_on", "cost_micros") == (2, date(2026, 3, 4), 3_000_000)
    assert row["received_days"] == [
        {"day": date(2026, 3, 4), "received_milli": 6000},
        {"day": date(2026, 3, 6), "received_milli": 4000},
    ]
    chain.send("correction", 6, corrects_id=late)
    run_etl(chain.engine, chain.lake)
    assert picked(chain.row("purchases"), "received_milli", "receipts") == (6000, 1)


def test_a_price_holds_until_the_next_one_and_a_promotion_as_long_as_its_prices(
    chain: Chain,
) -> None:
    chain.send("price", 0, price="5")
    chain.send("price", 40, price="4", promotion=True)
    run_etl(chain.engine, chain.lake)
    assert chain.row("promotions")["until_at"] is None
    chain.send("price", 42, price="3", promotion=True)
    chain.send("price", 44, price="5")
    run_etl(chain.engine, chain.lake)
    prices = sorted(chain.rows("prices"), key=lambda row: row["from_at"])
    assert [row["price_micros"] // 10**6 for row in prices] == [5, 4, 3, 5]
    assert [row["until_at"] for row in prices] == [*(row["from_at"] for row in prices[1:]), None]
    promotion = chain.row("promotions")
    assert picked(promotion, "price_micros", "regular_price_micros") == (3_000_000, 5_000_000)
    assert picked(promotion, "from_at", "until_at") == (prices[1]["from_at"], prices[3]["from_at"])


def test_stock_stands_on_every_known_day_with_value_and_cover(chain: Chain) -> None:
    chain.send("receipt", 0, quantity=10, cost="2")
    chain.send("sale", 1, quantity=4)
    chain.send("sale", 5, quantity=6)
    chain.send("sale", 6, product="B", location="S2")
    run_etl(chain.engine, chain.lake)
    stock = sorted(chain.rows("daily_stock"), key=lambda row: row["day"])
    assert [row["on_hand_milli"] // 1000 for row in stock] == [10, 6, 6, 6, 6, 0, 0]
    assert [row["value_micros"] // 10**6 for row in stock] == [20, 12, 12, 12, 12, 0, 0]
    assert [row["out_of_stock"] for row in stock] == [False] * 5 + [True] * 2
    assert [row["moved"] for row in stock] == [True, True, False, False, False, True, False]
    assert stock[0]["cover_days"] is None
    assert stock[2]["cover_days"] == pytest.approx(6 / (4 / 28))
    # a new day of another product: stock stands on it too
    chain.send("sale", 8, product="B", location="S2")
    run_etl(chain.engine, chain.lake)
    assert len(chain.rows("daily_stock")) == 9
    chain.prove()


def test_stock_ends_where_the_last_day_was_corrected_away(chain: Chain) -> None:
    chain.send("receipt", 20, quantity=10)
    wrong = chain.send("sale", 35, product="B")
    run_etl(chain.engine, chain.lake)
    assert len(chain.rows("daily_stock")) == 16
    chain.send("correction", 36, corrects_id=wrong)
    run_etl(chain.engine, chain.lake)
    assert [row["day"] for row in chain.rows("daily_stock")] == [day(20)]
    chain.prove()


def test_no_stock_stands_when_all_was_corrected_away(chain: Chain) -> None:
    wrong = chain.send("receipt", 0, quantity=10)
    run_etl(chain.engine, chain.lake)
    assert len(chain.rows("daily_stock")) == 1
    chain.send("correction", 1, corrects_id=wrong)
    run_etl(chain.engine, chain.lake)
    assert chain.rows("daily_demand") == chain.rows("daily_stock") == []
    chain.prove()


def test_the_proof_finds_stock_of_a_pair_that_has_no_day(chain: Chain) -> None:
    chain.send("receipt", 0, quantity=10)
    run_etl(chain.engine, chain.lake)
    table = open_table(chain.lake, "daily_stock")
    assert table is not None
    rows = table.to_pyarrow_table()
    ghost = rows.set_column(0, rows.schema.field(0), pa.array([2], pa.int32()))
    write_deltalake(table, pa.concat_tables([rows, ghost]), mode="overwrite")
    dimensions = read_dimensions(chain.engine)
    assert compare_table(chain.engine, chain.lake, dimensions, KEPT["daily_stock"]).differ == 1


def test_what_a_feed_sent_of_a_day_is_counted_by_the_hours_it_took(chain: Chain) -> None:
    chain.send("sale", 0)
    chain.send("sale", 0, 5)
    run_etl(chain.engine, chain.lake)
    day = chain.row("feeds_days")
    # recorded today, long after that day in March
    assert picked(day, "events", "arrived_0h", "arrived_168h") == (2, 0, 0)
    assert day["ends_at"].isoformat() == "2026-03-01T23:00:00+00:00"


def test_a_lake_of_which_all_pairs_are_held_out_has_no_days_to_serve(tmp_path: Path) -> None:
    write_deltalake(tmp_path / "days", FEEDS_DAYS.empty_table(), partition_by=["month"])
    assert last_days(DeltaTable(tmp_path / "days")).num_rows == 0


def test_what_postgresql_and_the_lake_both_spell_is_the_same(database: sa.Engine) -> None:
    with database.connect() as connection:
        text = "SELECT pg_get_functiondef('feed_completeness'::regproc)"
        assert f"ARRAY{list(ARRIVAL_HOURS)}" in connection.execute(sa.text(text)).scalar_one()
        of_both = [0, 65_535, 65_536, 10**9]
        blocks = "SELECT block_of(n) FROM unnest(CAST(:numbers AS bigint[])) n ORDER BY n"
        in_postgres = connection.execute(sa.text(blocks), {"numbers": of_both}).scalars().all()
    with duck_engine() as duck:
        blocks = "SELECT block_of(n) FROM unnest(CAST($numbers AS BIGINT[])) t (n) ORDER BY n"
        found = duck.rows(blocks, {"numbers": of_both})
    assert [block for (block,) in found] == list(in_postgres)


happening = st.tuples(
    st.sampled_from(["sale", "return", "receipt", "stocktake", "price", "order", "correction"]),
    st.integers(0, 100),
    st.sampled_from("AB"),
    st.sampled_from(["S1", "S2"]),
    st.integers(1, 5),
)


@settings(max_examples=examples(2), suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(happening, min_size=1, max_size=8), min_size=2, max_size=3))
def test_runs_one_after_another_make_what_one_run_makes(
    chain: Chain, runs: list[list[tuple[str, int, str, str, int]]]
) -> None:
    """The chain keeps what earlier examples sent: each adds to it, late and in any order."""
    for run in runs:
        for happened in run:
            send_odd(chain, *happened)
        run_etl(chain.engine, chain.lake)
        chain.prove()
    made = {name: chain.rows(table.name) for name, table in KEPT.items()}
    rebuild_lake(chain.engine, chain.lake)
    assert {name: chain.rows(table.name) for name, table in KEPT.items()} == made


def send_odd(chain: Chain, kind: str, day: int, product: str, place: str, amount: int) -> None:
    """Send something, all fields of which follow from a few."""
    if kind == "correction":
        chain.send(kind, day, corrects_id=f"e{1 + chain.count * amount // 6}")
        return
    said: dict[str, Any] = {"quantity": amount}
    if kind in ("sale", "return", "receipt", "order"):
        said["order_id"] = f"O{amount}"
    if kind in ("sale", "return"):
        said |= {"customer_id": f"c{amount % 2}", "price": str(amount)}
    elif kind == "receipt":
        said["cost"] = str(amount)
    elif kind == "price":
        said = {"price": str(amount), "promotion": amount % 2 == 0}
    elif kind == "stocktake":
        said = {"counted": amount - 1}
    chain.send(kind, day, product=product, location=place, **said)


def test_lines_of_an_order_keep_their_own_deliveries(chain: Chain) -> None:
    order: dict[str, Any] = {"order_id": "PO9", "supplier": "mill"}
    chain.send("order", 0, quantity=10, order_line=1, expected_on="2026-03-04", cost="2", **order)
    chain.send("order", 0, quantity=5, order_line=2, expected_on="2026-03-09", cost="3", **order)
    chain.send("receipt", 3, quantity=10, order_id="PO9", order_line=1)
    run_etl(chain.engine, chain.lake)
    first, second = sorted(chain.rows("purchases"), key=lambda row: row["order_line"])
    figures = ("ordered_milli", "received_milli", "expected_on", "cost_micros")
    assert picked(first, *figures) == (10_000, 10_000, date(2026, 3, 4), 2_000_000)
    assert picked(second, *figures) == (5_000, 0, date(2026, 3, 9), 3_000_000)
