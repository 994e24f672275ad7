"""The further tables of the lake, and what one event touches of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from stocktide.foundation.lake import LakeTable
from stocktide.foundation.lake_schemas import SCHEMAS


@dataclass(frozen=True)
class KeptTable:
    """A table that is made of movements, of daily demand or of other tables here.

    touched_by: columns of which a run finds the values that new movements touch; it makes all rows of these again, by
    the query `sql/etl/tables/<name>.sql`. of: the kinds of movements that it is made of, as a condition on event_kinds;
    others touch nothing of it.
    """

    name: LakeTable
    touched_by: Sequence[str]
    of: str = "true"

    @property
    def schema(self) -> pa.Schema:
        """Return its columns, `month` among them: its files are parted by it."""
        return SCHEMAS[self.name]


OF_LINES = "daily IN ('sold', 'returned')"
OF_PURCHASES = "'on_order' IN (opens, closes)"
OF_PRICES = "sets_price"
DAILY_STOCK = KeptTable("daily_stock", ("product_id", "location_id"))
# In the order in which they are made: orders are made of their lines, promotions of prices.
KEPT: Mapping[LakeTable, KeptTable] = {
    table.name: table
    for table in (
        KeptTable("order_lines", ("order_id",), OF_LINES),
        KeptTable("orders", ("order_id",), OF_LINES),
        KeptTable("purchases", ("order_id",), OF_PURCHASES),
        KeptTable("prices", ("product_id", "location_id"), OF_PRICES),
        KeptTable("promotions", ("product_id", "location_id"), OF_PRICES),
        KeptTable("customers", ("customer_id",), OF_LINES),
        KeptTable("feeds_days", ("source", "day")),
        DAILY_STOCK,
    )
}
