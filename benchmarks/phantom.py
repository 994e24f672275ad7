"""Phantom stock in the simulator: how soon and how surely the count list finds it, beside "no sale for n days".

Of the shelves of the sample chain 5 % are emptied unseen, each on a day of its own, and nobody counts them since;
counts, thefts and mistakes of the others go on. Each day of the last half-year the report health_phantom is asked,
from nothing but what was known on that day. Judged are shelves that sell 0.3 a day; an alarm is the first day on
which a shelf is listed, and right if the shelf is empty then. The other rule has the n at which as many of its alarms
are right. `--seeds N` for more chains.
"""

import argparse
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path

# Run as a script, this file's folder comes first on the path, and its files would stand for packages.
sys.path[0] = str(Path(__file__).parents[1])

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks._claims import at_least, at_most, figure
from data import simulate
from data.truth import Truth
from query.reports import find_report, values_of

END, DAYS, WATCHED = date(2026, 6, 1), 540, 180
PHANTOM_SHARE, SOLD_A_DAY_MIN = 0.05, 0.3
PRECISION_MIN, RECALL_MIN, DAYS_SHARE_MAX = 0.7, 0.8, 0.5
SILENT_DAYS = range(7, 60)

Mask = NDArray[np.bool_]
Listed = NDArray[np.bool_]


@dataclass(frozen=True)
class Chain:
    """A simulated chain of N shelves and D days: (N, D).

    empty: the book says stock, and there is none. stocked: the book says stock, in an open shop.
    """

    truth: Truth
    sold: NDArray[np.float64]
    book: NDArray[np.float64]
    empty: Mask
    stocked: Mask

    @property
    def judged(self) -> NDArray[np.int64]:
        """Return the shelves that sold enough before they were watched."""
        before = self.sold.shape[1] - WATCHED
        days = np.maximum((self.stocked | (self.sold > 0))[:, :before].sum(axis=1), 1)
        return np.flatnonzero(self.sold[:, :before].sum(axis=1) / days >= SOLD_A_DAY_MIN)


@dataclass
class Found:
    """What a rule found. days: since each injected shelf was emptied, of those found; missed: the others."""

    right: int = 0
    wrong: int = 0
    missed: int = 0
    days: list[int] | None = None

    def add(self, other: "Found") -> "Found":
        """Return the sum of two chains."""
        return Found(
            self.right + other.right,
            self.wrong + other.wrong,
            self.missed + other.missed,
            [*(self.days or []), *(other.days or [])],
        )

    @property
    def precision(self) -> float:
        """Return the share of alarms that were right."""
        return self.right / max(self.right + self.wrong, 1)

    @property
    def recall(self) -> float:
        """Return the share of injected shelves that were found."""
        return len(self.days or []) / max(len(self.days or []) + self.missed, 1)

    @property
    def mean_days(self) -> float:
        """Return the mean days to an alarm."""
        return float(np.mean(self.days)) if self.days else float("nan")


def main() -> None:
    """Simulate, ask day by day, and print the claims."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    given = parser.parse_args()
    ours, others = Found(), {n: Found() for n in SILENT_DAYS}
    for seed in range(1, given.seeds + 1):
        chain = make_chain(seed)
        ours = ours.add(judge(chain, listed_days(chain)))
        silent = silent_days(chain)
        others = {n: found.add(judge(chain, silent >= n)) for n, found in others.items()}
        print(f"chain {seed}: {(chain.truth.vanish_day >= 0).sum()} shelves emptied", flush=True)
    n, other = min(others.items(), key=lambda one: abs(one[1].precision - ours.precision))
    for name, found in (("health_phantom", ours), (f"no sale for {n} days", other)):
        print(
            f"{name}: precision {found.precision:.3f}, recall {found.recall:.3f}, found after "
            f"{found.mean_days:.1f} days on average, {found.right + found.wrong} alarms"
        )
    at_least("phantom_precision", ours.precision, PRECISION_MIN)
    at_least("phantom_recall", ours.recall, RECALL_MIN)
    at_most("phantom_days_share", ours.mean_days / other.mean_days, DAYS_SHARE_MAX)
    figure("phantom_days", ours.mean_days)


def make_chain(seed: int) -> Chain:
    """Simulate a chain in which shelves are emptied unseen."""
    truth = simulate(seed, DAYS, end=END, phantom_share=PHANTOM_SHARE).truth
    is_open = truth.is_open & truth.sold_on
    return Chain(
        truth,
        truth.sold / 1000,
        truth.book / 1000,
        (truth.book > 0) & (truth.on_hand <= 0),
        (truth.book > 0) & is_open,
    )


def listed_days(chain: Chain) -> Listed:
    """Ask the report on each day that is watched: (N, D), True where it lists the shelf."""
    report = find_report("health_phantom")
    values = values_of(report, {})
    listed = np.zeros(chain.sold.shape, dtype=bool)
    shops = len(chain.truth.chain.shops)
    with duckdb.connect() as database:
        put_tables(database, chain)
        for day in range(chain.sold.shape[1] - WATCHED, chain.sold.shape[1]):
            database.execute("UPDATE today SET day = ?", [chain.truth.days[day].astype(object)])
            found = database.execute(report.text, values).fetchall()
            for row in found:
                listed[int(row[0]) * shops + int(row[2]), day] = True
    return listed


def put_tables(database: duckdb.DuckDBPyConnection, chain: Chain) -> None:
    """Make the tables of reports out of a chain, as they are known on a day that the table `today` names."""
    shops, made = len(chain.truth.chain.shops), chain.truth.chain.products
    number, day = np.nonzero(chain.truth.sold_on)
    frame = pd.DataFrame({"product_id": number // shops, "location_id": number % shops, "day": chain.truth.days[day],
                          "sold": chain.sold[number, day], "on_hand": chain.book[number, day],
                          "counted": chain.truth.counted[number, day] >= 0})  # fmt: skip
    goods = pd.DataFrame(
        [(n, str(n), str(one.department), str(one.category)) for n, one in enumerate(made)],
        columns=["product_id", "sku", "department", "category"],
    )
    places = pd.DataFrame({"location_id": range(shops), "code": [str(n) for n in range(shops)]})
    for name, rows in (("every_day", frame), ("goods", goods), ("places", places)):
        database.register(f"{name}_given", rows)
        database.execute(f"CREATE TABLE {name} AS SELECT * FROM {name}_given")
    database.execute("CREATE TABLE today AS SELECT DATE '2000-01-01' AS day")
    database.execute(
        """
        CREATE VIEW known_days AS SELECT e.* REPLACE (e.day::DATE AS day)
            FROM every_day e, today t WHERE e.day <= t.day;
        CREATE VIEW daily_demand AS SELECT product_id, location_id, day, sold FROM known_days;
        CREATE VIEW daily_stock AS
            SELECT product_id, location_id, day, on_hand, on_hand <= 0 AS out_of_stock FROM known_days;
        CREATE VIEW products AS
            SELECT *, NULL::VARCHAR AS name, NULL::DOUBLE AS price, 'EUR' AS currency, 'each' AS unit FROM goods;
        CREATE VIEW locations AS SELECT *, NULL::VARCHAR AS name FROM places;
        CREATE VIEW stock AS
            SELECT product_id, location_id, arg_max(on_hand, day) AS on_hand, NULL::DOUBLE AS price,
                   NULL::VARCHAR AS currency, NULL::DOUBLE AS cost, NULL::VARCHAR AS cost_currency,
                   max(day) FILTER (WHERE counted) AS counted_at, NULL::DOUBLE AS sensed,
                   NULL::TIMESTAMPTZ AS sensed_at
            FROM known_days
            GROUP BY product_id, location_id;
        """
    )


def silent_days(chain: Chain) -> NDArray[np.int64]:
    """Count the days in stock since the last sale: (N, D)."""
    counted = np.zeros_like(chain.sold, dtype=np.int64)
    run = np.zeros(len(counted), dtype=np.int64)
    for day in range(counted.shape[1]):
        over = (chain.sold[:, day] > 0) | (chain.book[:, day] <= 0)
        run = np.where(over, 0, run + chain.stocked[:, day])
        counted[:, day] = run
    return counted


def judge(chain: Chain, listed: Listed) -> Found:
    """Judge a rule's alarms. listed: (N, D)."""
    found = Found(days=[])
    first, last = chain.sold.shape[1] - WATCHED, chain.sold.shape[1]
    for shelf in chain.judged:
        empty = chain.empty[shelf]
        alarms = _alarms(listed[shelf], first)
        right = [day for day in alarms if empty[day]]
        found.right += len(right)
        found.wrong += len(alarms) - len(right)
        emptied = chain.truth.vanish_day[shelf]
        # goods that came since make the rest of the book true again: those that stayed empty count
        if emptied >= 0 and empty[emptied:last].all():
            seen = [day for day in right if day >= emptied]
            found.days = [*(found.days or []), *[day - emptied + 1 for day in seen[:1]]]
            found.missed += not seen
    return found


def _alarms(listed: Mask, first: int) -> list[int]:
    """Return the first day of each run of days on which a shelf is listed, from a day on."""
    starts = listed & ~np.concatenate([[False], listed[:-1]])
    return [int(day) for day in np.flatnonzero(starts) if day >= first]


if __name__ == "__main__":
    main()
