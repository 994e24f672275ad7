"""Proof that the lake holds what the ledger holds, and that stock is the fold of its movements."""

from dataclasses import asdict, dataclass
from typing import Any

import duckdb
import sqlalchemy as sa

from etl.delta import open_table, watermark_of
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


def ledger_sums(engine: sa.Engine, *, xid_before: int) -> Sums:
    """Sum the ledger below a transaction id."""
    with engine.connect() as connection:
        row = connection.execute(
            statement("etl/ledger_sums"), {"xid_before": str(xid_before)}
        ).one()
    return Sums(row.rows, row.quantity_milli, row.sold_milli, row.returned_milli)


def lake_sums(lake: Lake) -> Sums:
    """Sum the lake's movements."""
    table = open_table(lake, "movements")
    if table is None:
        return Sums(0, 0, 0, 0)
    connection = duckdb.connect()
    connection.register("movements", table.to_pyarrow_dataset())
    connection.register("event_kinds", kind_table())
    row = connection.execute(sql("etl/lake_sums")).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return Sums(*row)


def demand_sums(lake: Lake) -> tuple[int, int]:
    """Sum what daily_demand says was sold and returned."""
    table = open_table(lake, "daily_demand")
    if table is None:
        return 0, 0
    connection = duckdb.connect()
    connection.register("daily_demand", table.to_pyarrow_dataset())
    row = connection.execute(
        "SELECT coalesce(sum(sold_milli), 0)::BIGINT, coalesce(sum(returned_milli), 0)::BIGINT FROM daily_demand"
    ).fetchone()
    assert row is not None  # noqa: S101 - an aggregate has one row
    return row[0], row[1]


def verify_lake(engine: sa.Engine, lake: Lake, *, xid_before: int) -> Sums:
    """Compare lake and ledger below the watermark. Raises Fatal with both sides where they differ."""
    ledger, landed, demand = (
        ledger_sums(engine, xid_before=xid_before),
        lake_sums(lake),
        demand_sums(lake),
    )
    if ledger != landed or demand != (ledger.sold_milli, ledger.returned_milli):
        raise Fatal(
            "lake_differs",
            f"Lake and ledger differ: ledger {ledger}, lake {landed}, daily_demand (sold, returned) {demand}. "
            "Move the lake folder away and run `stocktide etl`: it is rebuilt from the ledger.",
        )
    return landed


FAULTS = {
    "stock": "stock = fold of movements",
    "commitments": "on order, in transit, promised = fold",
    "lots": "lots = fold of movements",
    "identities": "one identity a first leg",
    "costs": "moving average = its steps",
    "corrections": "every reversal is claimed",
    "keys": "products, locations, sources, kinds exist",
}


def ledger_faults(engine: sa.Engine) -> dict[str, int]:
    """Count what in the ledger's own house does not agree, by the names of FAULTS."""
    with engine.connect() as connection:
        return dict(connection.execute(statement("etl/ledger_faults")).mappings().one())


@dataclass(frozen=True)
class Check:
    """The invariants with their figures."""

    stock_pairs: int
    faults: dict[str, int]
    ledger: Sums
    lake: Sums
    demand_sold_returned: tuple[int, int]

    @property
    def holds(self) -> bool:
        """True if all invariants hold."""
        return not any(self.faults.values()) and self._lake_holds and self._demand_holds

    @property
    def _lake_holds(self) -> bool:
        return self.ledger == self.lake

    @property
    def _demand_holds(self) -> bool:
        return self.demand_sold_returned == (self.ledger.sold_milli, self.ledger.returned_milli)

    def rows(self) -> list[list[Any]]:
        """Return rows for people."""
        sold, returned = self.demand_sold_returned
        return [
            *[
                [
                    FAULTS[name],
                    count == 0,
                    f"{self.stock_pairs:,} pairs, {count:,} differ"
                    if name == "stock"
                    else f"{count:,} differ",
                ]
                for name, count in self.faults.items()
            ],
            [
                "lake = ledger",
                self._lake_holds,
                f"rows {self.lake.rows:,} / {self.ledger.rows:,}; units moved "
                f"{self.lake.quantity_milli / 1000:,.3f} / {self.ledger.quantity_milli / 1000:,.3f}",
            ],
            [
                "daily_demand = ledger",
                self._demand_holds,
                f"sold {sold / 1000:,.3f} / {self.ledger.sold_milli / 1000:,.3f}; returned "
                f"{returned / 1000:,.3f} / {self.ledger.returned_milli / 1000:,.3f}",
            ],
        ]

    def as_dict(self) -> dict[str, object]:
        """Return the same for machines."""
        return {"holds": self.holds, **asdict(self)}


def check_all(engine: sa.Engine, lake: Lake) -> Check:
    """Compare stock with its fold, and the lake with the ledger below the lake's watermark."""
    with engine.connect() as connection:
        pairs = connection.execute(sa.text("SELECT count(*) FROM stock")).scalar_one()
    xid_before = watermark_of(open_table(lake, "movements"))
    return Check(
        stock_pairs=pairs,
        faults=ledger_faults(engine),
        ledger=ledger_sums(engine, xid_before=xid_before),
        lake=lake_sums(lake),
        demand_sold_returned=demand_sums(lake),
    )
