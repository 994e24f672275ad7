"""What a run of proposals reads: stock, what is due, lots that expire, and the terms in force, as frames."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, NamedTuple

import pandas as pd
import sqlalchemy as sa

from stocktide.foundation.database import statement

# Terms as they are in force; each table by its name.
TERMS = (
    "suppliers",
    "supplier_products",
    "price_breaks",
    "supplier_days",
    "service_targets",
    "stock_costs",
    "shelf_limits",
    "receiving_limits",
)


class Doubt(NamedTuple):
    """Why a shelf may be empty though the book has stock. chance: that it is; days_without: in stock and not sold."""

    chance: float
    days_without: int


# By product and location.
Doubts = Mapping[tuple[str, str], Doubt]


@dataclass(frozen=True)
class Facts:
    """Frames of one moment. pairs: a row a product and location. due, expiring: units by day. lead_times: as learnt.

    rates: what one unit of a currency is worth in another; without an entry no rate is known. budgets: in force today,
    a row a currency that was spent. doubts: of the stock. decided: by product and location, units of lines whose
    quantity a buyer set, None for those that are in no order of today.
    """

    pairs: pd.DataFrame
    due: pd.DataFrame
    expiring: pd.DataFrame
    lead_times: pd.DataFrame
    terms: dict[str, pd.DataFrame]
    rates: dict[tuple[str, str], float]
    budgets: pd.DataFrame = field(default_factory=pd.DataFrame)
    doubts: Doubts = field(default_factory=dict)
    decided: Mapping[tuple[str, str], float | None] = field(default_factory=dict)


def read_facts(connection: sa.Connection, *, today: date) -> Facts:
    """Read all facts; rates of today. In a transaction that is REPEATABLE READ they are of one moment."""
    frames = {
        name: _frame(connection.execute(statement(f"purchasing/proposing/{name}"), binds))
        for name, binds in (
            ("pairs", {"today": today}),
            ("due", {}),
            ("expiring", {"today": today}),
        )
    }
    terms = {table: _in_force(connection, table) for table in TERMS}
    found = connection.execute(statement("purchasing/proposing/rates"), {"today": today}).all()
    decided = connection.execute(statement("purchasing/proposing/decided"), {"today": today}).all()
    rates = {(row.base, row.quote): row.rate for row in found if row.rate is not None}
    return Facts(
        pairs=frames["pairs"],
        due=frames["due"],
        expiring=frames["expiring"],
        lead_times=_table(connection, "lead_times"),
        terms=terms,
        rates=rates,
        decided={(row.product, row.location): row.units for row in decided},
        budgets=pd.DataFrame(
            connection.execute(statement("purchasing/proposing/spent"), {"today": today})
            .mappings()
            .all()
        ),
    )


def _in_force(connection: sa.Connection, table: str) -> pd.DataFrame:
    found = _table(connection, table)
    return found[found["withdrawn_at"].isna()].reset_index(drop=True)


def _table(connection: sa.Connection, table: str) -> pd.DataFrame:
    return _frame(connection.execute(sa.select(sa.text("*")).select_from(sa.table(table))))


def _frame(found: sa.CursorResult[Any]) -> pd.DataFrame:
    """Return rows as a frame, which has its columns without any, too."""
    return pd.DataFrame(found.all(), columns=list(found.keys()))
