"""Each rule of quality finds what it is for, and nothing in a chain without faults."""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from etl import run_etl
from etl.quality import all_rules, check_quality, write_failing
from tests.etl.tables.test_tables import Chain
from tests.ingest.samples import START


def found(chain: Chain) -> dict[str, int]:
    """The number of rows that fail each rule."""
    run_etl(chain.engine, chain.lake)
    return {one.rule: one.failed for one in check_quality(chain.engine, chain.lake)}


@pytest.fixture
def chain(database: sa.Engine, tmp_path: Path) -> Chain:
    """A chain in order, but that its products have no category and all of it came long after."""
    chain = Chain(database, tmp_path / "lake")
    chain.send("price", 0, price="5")
    chain.send("order", 0, 1, quantity=10, order_id="PO")
    chain.send("receipt", 1, quantity=10, cost="2", order_id="PO")
    chain.send("sale", 2, quantity=2, price="5", order_id="T1")
    chain.send("return", 3, quantity=1, price="5", order_id="T1")
    return chain


def test_a_chain_in_order_fails_nothing_but_what_it_lacks(chain: Chain) -> None:
    assert {rule for rule, failed in found(chain).items() if failed} == {
        "products_without_category",
    }


FAULTS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "stock_below_zero": [("sale", {"quantity": 30, "price": "5"})],
    "sales_without_price": [("sale", {"order_id": "T2"})],
    "more_returned_than_sold": [("return", {"quantity": 4, "price": "5", "order_id": "T1"})],
    "received_beyond_order": [("receipt", {"quantity": 2, "order_id": "PO"})],
    "repeated_sales": [("sale", {"price": "5"}), ("sale", {"price": "5"})],
    "cost_above_price": [("receipt", {"quantity": 50, "cost": "24"})],
    "price_jumps": [
        ("price", {"price": "500", "product": "B"}),
        ("price", {"price": "5", "product": "B"}),
    ],
}


def test_each_rule_finds_its_fault_and_names_where(
    chain: Chain, database: sa.Engine, tmp_path: Path
) -> None:
    for day, faults in enumerate(FAULTS.values(), start=4):
        for minute, (kind, data) in enumerate(faults):
            # the two sales that are one are of the same minute
            chain.send(kind, day, minute if kind == "price" else 0, **data)
    failing = found(chain)
    assert [rule for rule in FAULTS if not failing[rule]] == []
    assert (failing["price_jumps"], failing["repeated_sales"], failing["cost_above_price"]) == (
        1,
        1,
        1,
    )
    assert set(failing) == {rule.name for rule in all_rules()}
    for rule, failed in failing.items():
        write_failing(chain.engine, chain.lake, rule, tmp_path / "rows.csv")
        rows = list(csv.DictReader((tmp_path / "rows.csv").read_text("utf-8").splitlines()))
        assert len(rows) == failed
        assert all("product_id" not in row and row["day"] for row in rows)
    with database.connect() as connection:
        query = "SELECT sample -> 0 FROM quality_checks WHERE rule = 'price_jumps'"
        row = connection.execute(sa.text(query)).scalar_one()
    assert (row["sku"], row["location"], row["price_before"], row["price"]) == ("B", "S1", 500, 5)


def test_a_day_that_came_days_late_is_found(chain: Chain) -> None:
    chain.send("sale", (datetime.now(UTC) - START).days - 4, price="5")
    assert found(chain)["late_days"] == 1
