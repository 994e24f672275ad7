"""The form of each further table of the lake: columns, key, and what one event touches of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from stocktide.foundation.lake import LakeTable

_PAIR = [("product_id", pa.int32()), ("location_id", pa.int32())]
_AT = pa.timestamp("us", "UTC")


@dataclass(frozen=True)
class KeptTable:
    """A table that is made of movements, of daily demand or of other tables here.

    schema: its columns, `month` among them: its files are parted by it. touched_by: columns of which a run finds the
    values that new movements touch; it makes all rows of these again, by the query `sql/etl/tables/<name>.sql`.
    """

    name: LakeTable
    schema: pa.Schema
    touched_by: Sequence[str]


def _table(
    name: LakeTable, touched_by: Sequence[str], columns: list[tuple[str, pa.DataType]]
) -> KeptTable:
    schema = pa.schema([*columns, ("month", pa.string())])
    return KeptTable(name, schema, touched_by)


ORDER_LINES = _table(
    "order_lines",
    ["order_id"],
    [
        ("source", pa.string()),
        ("order_id", pa.string()),
        ("order_line", pa.int32()),
        *_PAIR,
        ("currency", pa.string()),
        ("unit", pa.string()),
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("day", pa.date32()),
        ("ordered_at", _AT),
        ("last_at", _AT),
        ("sold_milli", pa.int64()),
        ("returned_milli", pa.int64()),
        ("sales_micros", pa.int64()),
        ("returns_micros", pa.int64()),
        ("promotion", pa.bool_()),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
ORDERS = _table(
    "orders",
    ["order_id"],
    [
        ("source", pa.string()),
        ("order_id", pa.string()),
        ("currency", pa.string()),
        ("location_id", pa.int32()),
        ("customer_id", pa.string()),
        ("channel", pa.string()),
        ("day", pa.date32()),
        ("ordered_at", _AT),
        ("last_at", _AT),
        ("lines", pa.int32()),
        ("products", pa.int32()),
        ("sales_micros", pa.int64()),
        ("returns_micros", pa.int64()),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
PURCHASES = _table(
    "purchases",
    ["order_id"],
    [
        ("order_id", pa.string()),
        ("order_line", pa.int32()),
        *_PAIR,
        ("supplier", pa.string()),
        ("unit", pa.string()),
        ("day", pa.date32()),
        ("ordered_at", _AT),
        ("expected_on", pa.date32()),
        ("ordered_milli", pa.int64()),
        ("received_milli", pa.int64()),
        ("receipts", pa.int32()),
        ("first_received_at", _AT),
        ("last_received_at", _AT),
        (
            "received_days",
            pa.list_(pa.struct([("day", pa.date32()), ("received_milli", pa.int64())])),
        ),
        ("cost_micros", pa.int64()),
        ("currency", pa.string()),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
PRICES = _table(
    "prices",
    ["product_id", "location_id"],
    [
        *_PAIR,
        ("day", pa.date32()),
        ("from_at", _AT),
        ("until_at", _AT),
        ("price_micros", pa.int64()),
        ("price_before_micros", pa.int64()),
        ("currency", pa.string()),
        ("promotion", pa.bool_()),
        ("source", pa.string()),
        ("event_id", pa.string()),
        ("entry_id", pa.int64()),
    ],
)
PROMOTIONS = _table(
    "promotions",
    ["product_id", "location_id"],
    [
        *_PAIR,
        ("day", pa.date32()),
        ("from_at", _AT),
        ("until_at", _AT),
        ("price_micros", pa.int64()),
        ("regular_price_micros", pa.int64()),
        ("currency", pa.string()),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
CUSTOMERS = _table(
    "customers",
    ["customer_id"],
    [
        ("customer_id", pa.string()),
        ("currency", pa.string()),
        ("first_day", pa.date32()),
        ("last_day", pa.date32()),
        ("days", pa.int32()),
        ("orders", pa.int32()),
        ("locations", pa.int32()),
        ("sales_micros", pa.int64()),
        ("returns_micros", pa.int64()),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
# Hours after the end of a business day by which what came of it is counted.
ARRIVAL_HOURS = (0, 1, 3, 6, 12, 24, 48, 72, 168)
FEEDS_DAYS = _table(
    "feeds_days",
    ["source", "day"],
    [
        ("source", pa.string()),
        ("day", pa.date32()),
        ("ends_at", _AT),
        ("events", pa.int64()),
        ("pairs", pa.int64()),
        *((f"arrived_{hours}h", pa.int64()) for hours in ARRIVAL_HOURS),
        ("first_recorded_at", _AT),
        ("last_recorded_at", _AT),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
    ],
)
DAILY_STOCK = _table(
    "daily_stock",
    ["product_id", "location_id"],
    [
        *_PAIR,
        ("day", pa.date32()),
        ("unit", pa.string()),
        ("on_hand_milli", pa.int64()),
        ("out_of_stock", pa.bool_()),
        ("moved", pa.bool_()),
        ("cost_micros", pa.int64()),
        ("value_micros", pa.int64()),
        ("currency", pa.string()),
        ("sold_28d_milli", pa.int64()),
        ("cover_days", pa.float64()),
    ],
)

# In the order in which they are made: orders are made of their lines, promotions of prices.
OF_MOVEMENTS: Sequence[KeptTable] = (
    ORDER_LINES,
    ORDERS,
    PURCHASES,
    PRICES,
    PROMOTIONS,
    CUSTOMERS,
    FEEDS_DAYS,
)
KEPT: Mapping[str, KeptTable] = {table.name: table for table in (*OF_MOVEMENTS, DAILY_STOCK)}
