"""The lake's side of a run: Delta tables whose commits carry the watermark with the data."""

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction

from stocktide.foundation.database_names import DEMAND_RULES, ETL_TRANSACTION, LAKE_GENERATION
from stocktide.foundation.lake import Lake, LakeTable

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


MOVEMENTS = pa.schema(
    [
        ("entry_id", pa.int64()),
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("leg", pa.int16()),
        ("kind", pa.string()),
        ("product_id", pa.int32()),
        ("location_id", pa.int32()),
        ("quantity_milli", pa.int64()),
        ("observed_milli", pa.int64()),
        ("price_micros", pa.int64()),
        ("line_total_micros", pa.int64()),
        ("currency", pa.string()),
        ("promotion", pa.bool_()),
        ("order_id", pa.string()),
        ("order_line", pa.int32()),
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("reason", pa.string()),
        ("counterparty", pa.string()),
        ("corrects", pa.int64()),
        # what is promised or kept of an order, a reservation or a transfer, and which of the latter two
        ("committed_milli", pa.int64()),
        ("reference", pa.string()),
        ("expected_on", pa.date32()),
        ("cost_micros", pa.int64()),
        ("lot", pa.string()),
        ("expires_on", pa.date32()),
        ("occurred_at", pa.timestamp("us", "UTC")),
        ("recorded_at", pa.timestamp("us", "UTC")),
        ("xid", pa.int64()),
        ("day", pa.date32()),
        ("month", pa.string()),
    ]
)
DAILY_DEMAND = pa.schema(
    [
        ("product_id", pa.int32()),
        ("location_id", pa.int32()),
        ("day", pa.date32()),
        ("sold_milli", pa.int64()),
        ("returned_milli", pa.int64()),
        ("revenue_micros", pa.int64()),
        ("currency", pa.string()),
        ("other_revenue", pa.string()),
        ("orders", pa.int32()),
        ("price_micros", pa.int64()),
        ("received_milli", pa.int64()),
        ("adjusted_milli", pa.int64()),
        ("promotion", pa.bool_()),
        ("on_hand_milli", pa.int64()),
        ("in_stock_share", pa.float64()),
        ("censored", pa.bool_()),
        ("month", pa.string()),
        # the price list that the day leaves to the next: a fold goes on from it
        ("close_price_micros", pa.int64()),
        ("close_currency", pa.string()),
        ("close_promotion", pa.bool_()),
    ]
)
# Rows of daily_demand that a run writes, or takes out because nothing is left of them.
CHANGED_DEMAND = DAILY_DEMAND.append(pa.field("gone", pa.bool_()))
