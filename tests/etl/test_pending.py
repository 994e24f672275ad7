"""What a run would do is said without doing it, and days can be made again from one on."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import sqlalchemy as sa
from deltalake import write_deltalake

from etl import check_all, run_etl
from etl.delta import open_table
from etl.pending import count_pending
from tests.etl.tables.test_tables import Chain, day


def test_pending_counts_what_the_next_run_lands(database: sa.Engine, tmp_path: Path) -> None:
    chain = Chain(database, tmp_path / "lake")
    chain.send("sale", 0)
    assert count_pending(database, chain.lake).whole
    run_etl(database, chain.lake)
    nothing = count_pending(database, chain.lake)
    assert (nothing.rows, nothing.first_day, nothing.whole) == (0, None, False)
    chain.send("sale", 2)
    chain.send("sale", 4, product="B")
    waits = count_pending(database, chain.lake)
    assert (waits.rows, waits.pairs, waits.first_day, waits.last_day) == (2, 2, day(2), day(4))
    assert run_etl(database, chain.lake).landed.rows == waits.rows


def test_days_are_made_again_from_one_on(database: sa.Engine, tmp_path: Path) -> None:
    chain = Chain(database, tmp_path / "lake")
    for n in range(4):
        chain.send("sale", n, price="1")
    run_etl(database, chain.lake)
    table = open_table(chain.lake, "daily_demand")
    assert table is not None
    rows = table.to_pyarrow_table()
    doubled: Any = pa.array([2 * value for value in rows["revenue_micros"].to_pylist()], pa.int64())
    bent = rows.set_column(rows.schema.get_field_index("revenue_micros"), "revenue_micros", doubled)
    write_deltalake(table, bent, mode="overwrite")
    report = run_etl(database, chain.lake, again=day(2))
    assert (report.landed.rows, report.demand.rows_changed) == (0, 2)
    revenue = sorted((row["day"], row["revenue_micros"]) for row in chain.rows("daily_demand"))
    assert [amount for _, amount in revenue] == [2_000_000, 2_000_000, 1_000_000, 1_000_000]
    run_etl(database, chain.lake, again=day(0))
    assert check_all(database, chain.lake).holds
