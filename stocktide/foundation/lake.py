"""Location of the lake's Delta tables; ETL writes them, forecasting reads them and adds `customer_values`."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

LakeTable = Literal[
    "movements",
    "daily_demand",
    "products",
    "locations",
    "daily_stock",
    "order_lines",
    "orders",
    "purchases",
    "prices",
    "promotions",
    "customers",
    "customer_values",
    "feeds_days",
]


@dataclass(frozen=True)
class Lake:
    """A folder (or object store URL) of Delta tables."""

    root: str

    def path(self, table: LakeTable) -> str:
        """Return the address of one table, as `deltalake` and Spark take it."""
        return f"{self.root.rstrip('/')}/{table}"

    def exists(self, table: LakeTable) -> bool:
        """Return True if the table was ever written."""
        if "://" in self.root:
            from deltalake import DeltaTable

            return bool(DeltaTable.is_deltatable(self.path(table)))
        return (Path(self.path(table)) / "_delta_log").is_dir()
