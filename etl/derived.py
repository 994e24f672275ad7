"""The tables that are made from others: from which, what proves them, and how they are made again.

What stands here is checked by `stocktide check` and described in docs/copies.md; a test fails for a table of the schema
that is neither here nor named as one that is recorded.
"""

from collections.abc import Mapping
from dataclasses import dataclass

REBUILD = "stocktide rebuild"


@dataclass(frozen=True)
class Derived:
    """A table that is made from others. part: of `stocktide check` that proves it; made_of: what it is made from."""

    part: str
    made_of: str


# Of Postgres by their names, of the lake with `lake/` before them.
DERIVED: Mapping[str, Derived] = {
    "stock": Derived("stock", "ledger; its cost from valuations"),
    "commitments": Derived("commitments", "ledger"),
    "lots": Derived("lots", "ledger"),
    "valuations": Derived("costs", "ledger, in the order of recording"),
    "event_identities": Derived("identities", "ledger"),
    "corrections": Derived("corrections", "ledger"),
    "event_kinds": Derived("event_kinds", "stocktide/domain/kinds.py, by migrations"),
    "daily_demand": Derived("daily_demand", "lake/daily_demand"),
    "location_daily": Derived("location_daily", "daily_demand"),
    "shelf_days": Derived("shelf_days", "daily_demand"),
    "feed_days": Derived("feed_days", "lake/feeds_days"),
    "served_tables": Derived("daily_demand", "the copy that it describes"),
    "lake_versions": Derived("lake_versions", "the lake's commits"),
    "lake/movements": Derived("lake/movements", "ledger, time zones of locations"),
    "lake/daily_demand": Derived("lake/daily_demand", "lake/movements"),
    "lake/daily_stock": Derived(
        "lake/daily_stock", "lake/daily_demand; its cost from valuations and lake/movements"
    ),
    "lake/order_lines": Derived("lake/order_lines", "lake/movements, lake/daily_demand, products"),
    "lake/orders": Derived("lake/orders", "lake/order_lines"),
    "lake/purchases": Derived("lake/purchases", "lake/movements, products"),
    "lake/prices": Derived("lake/prices", "lake/movements, products"),
    "lake/promotions": Derived("lake/promotions", "lake/prices"),
    "lake/customers": Derived("lake/customers", "lake/movements, lake/daily_demand, products"),
    "lake/feeds_days": Derived("lake/feeds_days", "lake/movements, time zones of locations"),
    "lake/products": Derived("lake/products", "products"),
    "lake/locations": Derived("lake/locations", "locations"),
}
