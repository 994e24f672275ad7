"""The form of the lake's tables: what one stage writes and others read."""

from collections.abc import Mapping

import pyarrow as pa

from stocktide.domain.arrival import ARRIVAL_HOURS
from stocktide.foundation.lake import LakeTable

PRODUCTS = pa.schema(
    [
        ("product_id", pa.int32()),
        ("sku", pa.string()),
        ("name", pa.string()),
        ("department", pa.string()),
        ("category", pa.string()),
        ("unit", pa.string()),
        ("currency", pa.string()),
    ]
)
LOCATIONS = pa.schema(
    [
        ("location_id", pa.int32()),
        ("code", pa.string()),
        ("name", pa.string()),
        ("region", pa.string()),
        ("country", pa.string()),
        ("timezone", pa.string()),
    ]
)
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
# Every further table has `month` too: its files are parted by it.
_MONTH = ("month", pa.string())
_PAIR = [("product_id", pa.int32()), ("location_id", pa.int32())]
_AT = pa.timestamp("us", "UTC")
ORDER_LINES = pa.schema(
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
        _MONTH,
    ]
)
ORDERS = pa.schema(
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
        _MONTH,
    ]
)
PURCHASES = pa.schema(
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
        _MONTH,
    ]
)
PRICES = pa.schema(
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
        _MONTH,
    ]
)
PROMOTIONS = pa.schema(
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
        _MONTH,
    ]
)
CUSTOMERS = pa.schema(
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
        # days on which they bought, in order, with what came back on the same day
        (
            "bought_days",
            pa.list_(
                pa.struct(
                    [
                        ("day", pa.date32()),
                        ("sales_micros", pa.int64()),
                        ("returns_micros", pa.int64()),
                    ]
                )
            ),
        ),
        ("first_entry_id", pa.int64()),
        ("last_entry_id", pa.int64()),
        _MONTH,
    ]
)
# Predictions of the job `customer_values`, made again as a whole by each of its runs.
CUSTOMER_VALUES = pa.schema(
    [
        ("customer_id", pa.string()),
        ("currency", pa.string()),
        ("as_of", pa.date32()),
        ("p_alive", pa.float64()),
        ("orders", pa.float64()),
        ("average", pa.float64()),
        ("value", pa.float64()),
        ("low", pa.float64()),
        ("high", pa.float64()),
    ]
)
FEEDS_DAYS = pa.schema(
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
        _MONTH,
    ]
)
DAILY_STOCK = pa.schema(
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
        _MONTH,
    ]
)

SCHEMAS: Mapping[LakeTable, pa.Schema] = {
    "movements": MOVEMENTS,
    "daily_demand": DAILY_DEMAND,
    "products": PRODUCTS,
    "locations": LOCATIONS,
    "daily_stock": DAILY_STOCK,
    "order_lines": ORDER_LINES,
    "orders": ORDERS,
    "purchases": PURCHASES,
    "prices": PRICES,
    "promotions": PROMOTIONS,
    "customers": CUSTOMERS,
    "customer_values": CUSTOMER_VALUES,
    "feeds_days": FEEDS_DAYS,
}
