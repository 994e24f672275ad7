"""Sums that lake and ledger share: what every run proves before it ends."""

from dataclasses import dataclass

import duckdb
import sqlalchemy as sa

from etl.delta import open_table
from etl.held_pairs import ALL, Some, all_held
from etl.kinds import kind_table
from stocktide.foundation.database import sql, statement
from stocktide.foundation.errors import Fatal
from stocktide.foundation.lake import Lake


@dataclass(frozen=True)
class Sums:
    """Counts and sums that two copies of the same rows must share; quantities in thousandths."""

    rows: int
    quantity_milli: int
    sold_milli: int
    returned_milli: int


def ledger_sums(engine: sa.Engine, *, xid_before: int, some: Some = ALL) -> Sums:
    """Sum the ledger below a transaction id. some: all pairs but these."""
    pairs = some.columns()
    binds = {"product_ids": pairs["product_id"], "location_ids": pairs["location_id"]}
    with engine.connect() as connection:
        row = connection.execute(
            statement("etl/ledger_sums"), {"xid_before": str(xid_before), **binds}
        ).one()
    # a sum over everything may be wider than any row
    return Sums(row.rows, int(row.quantity_milli), int(row.sold_milli), int(row.returned_milli))


def lake_sums(lake: Lake, some: Some = ALL) -> Sums:
    """Sum the lake's movements. some: all pairs but these."""
    table = open_table(lake, "movements")
    if table is None:
        return Sums(0, 0, 0, 0)
    connection = duckdb.connect()
    connection.register("landed", table.to_pyarrow_dataset())
    connection.execute(
        f"CREATE VIEW movements AS SELECT * FROM landed WHERE {some.in_duckdb(connection)}"  # noqa: S608 - ours
    )
    connection.register("event_kinds", kind_table())
    row = connection.execute(sql("etl/lake_sums")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Sums(*row)


def demand_sums(lake: Lake, some: Some = ALL) -> tuple[int, int]:
    """Sum what daily_demand says was sold and returned. some: all pairs but these."""
    table = open_table(lake, "daily_demand")
    if table is None:
        return 0, 0
    connection = duckdb.connect()
    connection.register("daily_demand", table.to_pyarrow_dataset())
    sums = "SELECT coalesce(sum(sold_milli), 0), coalesce(sum(returned_milli), 0)"
    where = some.in_duckdb(connection)
    row = connection.execute(f"{sums} FROM daily_demand WHERE {where}").fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row[0], row[1]


def verify_lake(engine: sa.Engine, lake: Lake, *, xid_before: int) -> Sums:
    """Compare lake and ledger below the watermark. Raises Fatal with both sides where they differ.

    Pairs that are held out take no part.
    """
    some = Some(all_held(engine), only=False)
    ledger, landed, demand = (
        ledger_sums(engine, xid_before=xid_before, some=some),
        lake_sums(lake, some),
        demand_sums(lake, some),
    )
    if ledger != landed or demand != (ledger.sold_milli, ledger.returned_milli):
        raise Fatal(
            "lake_differs",
            f"Lake and ledger differ: ledger {ledger}, lake {landed}, daily_demand (sold, returned) {demand}. "
            "Run `stocktide rebuild`: the lake is rebuilt from the ledger.",
        )
    return landed
