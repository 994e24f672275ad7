"""What a run of the ETL costs: all of the ledger, and 1 % new rows; beside the same rows copied without cleaning.

Sales of distinct products at places on days stand in a real PostgreSQL. `full_vs_raw`: the time to read them by ADBC
and write them as Parquet by DuckDB, uncleaned, over ours for landing, daily demand and what is served from it.
`incremental_share`: a run over 1 % new rows, a tenth of them up to seven days late, over the run over all.
`etl_gb`: most memory of a run. `etl_slope`: time by rows from a tenth of the rows on, as an exponent.
"""

import argparse
import math
import multiprocessing
import multiprocessing.connection
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and this file would stand for the package `etl`.
sys.path[0] = str(Path(__file__).parents[1])

import duckdb
import sqlalchemy as sa
from adbc_driver_postgresql import dbapi

from benchmarks._claims import at_least, at_most, figure
from etl import run_etl
from stocktide.foundation.database import create_engine, migrate
from stocktide.foundation.embedded import Postgres
from stocktide.foundation.lake import Lake

MOVEMENTS, QUICK = 10_000_000, 300_000
PLACES, DAYS = 50, 365
NEW_SHARE, LATE_SHARE, LATE_DAYS = 0.01, 0.1, 7
ROWS_A_TRANSACTION = 20_000
GB = 1e9
# Sale number n is of pair n % pairs on day n / pairs: each pair sells once a day.
SALES = """
INSERT INTO ledger (entry_id, source_id, event_id, kind, product_id, location_id, quantity_milli, price_micros,
                    occurred_at)
SELECT block + n - :first, 1, 'sold-' || n, k.kind, 1 + n % :pairs / :places, 1 + n % :places,
       -1000 * (1 + n % 5), 1990000 + 10000 * (n % 97),
       timestamptz '2025-01-01 08:00+00' + interval '1 day' * (n / :pairs) + interval '1 second' * (n * 7919 % 43200)
FROM (SELECT nextval('ledger_entries') AS block) b, generate_series(CAST(:first AS bigint), CAST(:last AS bigint)) n,
     event_kinds k
WHERE k.daily = 'sold'
"""
LATE = SALES.replace("'sold-' || n", "'late-' || n").replace(
    "(n / :pairs)", "(n / :pairs - 1 - n % :late_days)"
)
RAW = """
SELECT entry_id, event_id, leg, kind, product_id, location_id, quantity_milli, observed_milli, price_micros,
       line_total_micros, currency, promotion, order_id, order_line, customer_id, channel, reason, counterparty,
       corrects, occurred_at, recorded_at, xid::text::bigint AS xid
FROM ledger
"""


@dataclass(frozen=True)
class Cost:
    """What something took: seconds, and the most memory of its process."""

    seconds: float
    gb: float


def main() -> None:
    """Measure, and print a line a claim."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--movements", type=int, default=MOVEMENTS)
    parser.add_argument("--quick", action="store_true", help=f"{QUICK:,} movements")
    asked = parser.parse_args()
    count = QUICK if asked.quick else asked.movements
    small = measured(count // 10)
    large = measured(count, raw=True)
    for name, cost in {**small, **large}.items():
        print(f"{name:28} {cost.seconds:8.1f} s {cost.gb:6.2f} GB")
    full, new = large[f"{count:,} all"], large[f"{count:,} new"]
    slope = math.log10(full.seconds / small[f"{count // 10:,} all"].seconds)
    at_least("full_vs_raw", large[f"{count:,} raw"].seconds / full.seconds, 0.3)
    at_most("incremental_share", new.seconds / full.seconds, 0.10)
    at_most("etl_gb", max(cost.gb for name, cost in large.items() if "raw" not in name), 3)
    at_most("etl_slope", slope, 1.05)
    figure("rows_a_second", count / full.seconds)


def measured(count: int, *, raw: bool = False) -> dict[str, Cost]:
    """Measure runs over `count` movements of a server of their own."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        postgres = Postgres(home)
        stack.callback(postgres.stop)
        postgres.start()
        url = postgres.url()
        begun = fill(url, count)
        costs = {}
        if raw:
            costs[f"{count:,} raw"] = alone(copy_raw, url, home)
        costs[f"{count:,} all"] = alone(land, url, home)
        add(url, count, begun)
        costs[f"{count:,} new"] = alone(land, url, home)
        costs[f"{count:,} nothing new"] = alone(land, url, home)
    return costs


def fill(url: str, count: int) -> int:
    """Make a chain that has sold `count` times; returns its number of pairs."""
    pairs = max(PLACES, count // DAYS // PLACES * PLACES)
    engine = create_engine(url)
    migrate(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("INSERT INTO sources (source) VALUES ('benchmark')"))
        connection.execute(
            sa.text("INSERT INTO products (sku) SELECT 'P' || n FROM generate_series(1, :n) n"),
            {"n": pairs // PLACES},
        )
        connection.execute(
            sa.text("INSERT INTO locations (code) SELECT 'S' || n FROM generate_series(1, :n) n"),
            {"n": PLACES},
        )
    for first in range(0, count, ROWS_A_TRANSACTION):
        insert(engine, SALES, first, min(count, first + ROWS_A_TRANSACTION) - 1, pairs)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(sa.text("VACUUM ANALYZE"))
    engine.dispose()
    return pairs


def add(url: str, count: int, pairs: int) -> None:
    """Sell 1 % more: on the days after, and some of it late."""
    engine = create_engine(url)
    new = int(count * NEW_SHARE)
    late = int(new * LATE_SHARE)
    insert(engine, SALES, count, count + new - late - 1, pairs)
    insert(engine, LATE, count, count + late - 1, pairs, late_days=LATE_DAYS)
    engine.dispose()


def insert(engine: sa.Engine, query: str, first: int, last: int, pairs: int, **more: int) -> None:
    """Insert sales `first` to `last`."""
    binds = {"first": first, "last": last, "pairs": pairs, "places": PLACES, **more}
    with engine.begin() as connection:
        connection.execute(sa.text(query), binds)


def land(url: str, home: Path) -> None:
    """Run the ETL, as `stocktide etl` does."""
    engine = create_engine(url)
    run_etl(engine, Lake(str(home / "lake")))
    engine.dispose()


def copy_raw(url: str, home: Path) -> None:
    """Copy the ledger to one file of Parquet."""
    with dbapi.connect(url) as connection, connection.cursor() as cursor:
        cursor.execute(RAW)
        duck = duckdb.connect()
        duck.register("rows", cursor.fetch_record_batch())
        duck.execute(f"COPY rows TO '{home / 'raw.parquet'}' (FORMAT parquet)")


def alone(do: Callable[[str, Path], None], url: str, home: Path) -> Cost:
    """Do something in a process of its own; its imports are not counted."""
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_report, args=(do, url, home, sending))
    process.start()
    sending.close()
    cost = receiving.recv()
    process.join()
    if not isinstance(cost, Cost):
        raise RuntimeError("the run failed; see above")
    return cost


def _report(
    do: Callable[[str, Path], None],
    url: str,
    home: Path,
    sending: multiprocessing.connection.Connection,
) -> None:
    started = time.monotonic()
    do(url, home)
    seconds = time.monotonic() - started
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / GB
    sending.send(Cost(seconds, used))


if __name__ == "__main__":
    main()
