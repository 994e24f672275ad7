"""Sums that lake and ledger share: what every run proves before it ends."""

from dataclasses import dataclass, fields
from datetime import datetime

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


@dataclass(frozen=True)
class LedgerSums:
    """Sums of the ledger before a transaction id, and when the newest of it was recorded.

    all_read: they were made from all of it, not from what was new.
    """

    sums: Sums
    recorded_through: datetime | None
    all_read: bool


def ledger_sums(
    engine: sa.Engine, *, xid_before: int, some: Some = ALL, again: bool = False
) -> LedgerSums:
    """Sum the ledger below a transaction id; all of it goes on from what the last run noted, at most for a day.

    some: all pairs but these. again: whatever was noted.
    """
    with engine.connect() as connection:
        noted = None
        if not again and some == ALL:
            binds = {"xid_before": xid_before}
            noted = connection.execute(statement("etl/noted_sums"), binds).one_or_none()
        since = 0 if noted is None else noted.xid_before
        pairs = some.columns()
        between = {
            "since": since,
            "xid_before": xid_before,
            "product_ids": pairs["product_id"],
            "location_ids": pairs["location_id"],
        }
        new = connection.execute(statement("etl/ledger_sums"), between).one()
    parts = [new] if noted is None else [noted, new]
    # a sum over everything may be wider than any row
    sums = Sums(*(sum(int(getattr(part, f.name)) for part in parts) for f in fields(Sums)))
    times = [part.recorded_through for part in parts if part.recorded_through is not None]
    return LedgerSums(sums, max(times, default=None), noted is None)


def lake_sums(lake: Lake, some: Some = ALL) -> Sums:
    """Sum the lake's movements. some: all pairs but these."""
    table = open_table(lake, "movements")
    if table is None:
        return Sums(0, 0, 0, 0)
    connection = duckdb.connect()
    connection.register("landed", table.to_pyarrow_dataset())
    connection.execute(
        f"CREATE VIEW movements AS SELECT * FROM landed WHERE {some.condition(connection.register)}"  # noqa: S608 - ours
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
    where = some.condition(connection.register)
    row = connection.execute(f"{sums} FROM daily_demand WHERE {where}").fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row[0], row[1]


def verify_lake(
    engine: sa.Engine, lake: Lake, *, xid_before: int, again: bool = False
) -> tuple[Sums, LedgerSums]:
    """Compare lake and ledger below the watermark; returns the lake's sums, and those of all of the ledger.

    Pairs that are held out take no part. again: all of the ledger is read, whatever was noted of it. Raises Fatal with
    both sides where they differ.
    """
    some = Some(all_held(engine), only=False)
    ledger = ledger_sums(engine, xid_before=xid_before, again=again)
    wanted = (
        ledger_sums(engine, xid_before=xid_before, some=some).sums if some.pairs else ledger.sums
    )
    landed, demand = lake_sums(lake, some), demand_sums(lake, some)
    if wanted != landed or demand != (wanted.sold_milli, wanted.returned_milli):
        raise Fatal(
            "lake_differs",
            f"Lake and ledger differ: ledger {wanted}, lake {landed}, daily_demand (sold, returned) {demand}. "
            "Run `stocktide rebuild`: the lake is rebuilt from the ledger.",
        )
    return landed, ledger
