"""The lake's side of a run: Delta tables whose commits carry the watermark with the data."""

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction

from stocktide.foundation.database_names import DEMAND_RULES, ETL_TRANSACTION, LAKE_GENERATION
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import DAILY_DEMAND

# Raised when a table of the lake is derived otherwise from the same movements: the next run makes the lake again.
RULES = 3


def open_table(lake: Lake, table: LakeTable) -> DeltaTable | None:
    """Open a table at its newest version, None where it was never written."""
    return DeltaTable(lake.path(table)) if lake.exists(table) else None


def watermark_of(table: DeltaTable | None) -> int:
    """Return the transaction id before which everything has landed in this table; 0 at first."""
    return _noted(table, ETL_TRANSACTION)


def generation_of(table: DeltaTable | None) -> int:
    """Return the generation of the lake that a table is part of.

    All that is made from a table carries its generation: a copy of another one is replaced, whatever its watermark.
    """
    return _noted(table, LAKE_GENERATION)


def has_rules(table: DeltaTable | None) -> bool:
    """Return True if what is derived from a table is derived by the rules of this version."""
    return _noted(table, DEMAND_RULES) == RULES


def _noted(table: DeltaTable | None, name: str) -> int:
    version = None if table is None else table.transaction_version(name)
    return 0 if version is None else int(version)


def up_to(xid_before: int, *, generation: int) -> CommitProperties:
    """Return properties of a commit that moves the watermark in the same atomic step as the data."""
    return CommitProperties(
        app_transactions=[
            Transaction(ETL_TRANSACTION, version=xid_before),
            Transaction(LAKE_GENERATION, version=generation),
            Transaction(DEMAND_RULES, version=RULES),
        ]
    )


def version_of(table: DeltaTable | None) -> int:
    """Return the version of an open table, -1 if there is none."""
    return -1 if table is None else int(table.version())


# Rows of daily_demand that a run writes, or takes out because nothing is left of them.
CHANGED_DEMAND = DAILY_DEMAND.append(pa.field("gone", pa.bool_()))
