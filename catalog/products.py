"""Products as readers want them: name, price, stock at each location, and the next days' forecast."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from catalog.amounts import money, units
from catalog.cache import ProductCache
from catalog.invalidation import PRODUCT
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

PAGE_MAX = 500


def read_product(engine: sa.Engine, cache: ProductCache, sku: str) -> dict[str, Any]:
    """Return one product, from the cache where it is fresh. Quantities in units, prices in currency units.

    arrivals of its stock at a location: what is on order and in transit, by the day it is expected on, None where
    nobody named one.

    The ledger tells of changes by number, readers ask by sku: which is which is cached too. Raises NotFound.
    """
    number = cache.read(PRODUCT, f"sku={sku}", lambda: product_number(engine, sku), counted=False)
    found: dict[str, Any] = cache.read(PRODUCT, str(number), lambda: load_product(engine, sku))
    return found


def product_number(engine: sa.Engine, sku: str) -> int:
    """Look up a product's number, which never changes. Raises NotFound."""
    with engine.connect() as connection:
        number: int | None = connection.execute(
            sa.text("SELECT product_id FROM products WHERE sku = :sku"), {"sku": sku}
        ).scalar()
    if number is None:
        raise NotFound("product_unknown", f"There is no product {sku!r}.", sku=sku)
    return number


def load_product(engine: sa.Engine, sku: str) -> dict[str, Any]:
    """Read one product from the database."""
    with engine.connect() as connection:
        row = connection.execute(statement("catalog/product"), {"sku": sku}).mappings().one()
        days = (
            connection.execute(statement("catalog/product_forecast"), {"sku": sku}).mappings().all()
        )
    return {
        **_described(row),
        "attributes": row["attributes"],
        "stock": [_stock_line(line) for line in row["stock"]],
        "forecast": [
            {
                name: value
                for name, value in day.items()
                if name not in ("forecast_run_id", "cutoff", "frequency", "one_day", "coverage")
            }
            for day in days
        ],
        "forecast_run": {
            "id": days[0]["forecast_run_id"],
            "cutoff": days[0]["cutoff"],
            "frequency": days[0]["frequency"],
            "one_day": days[0]["one_day"],
            "coverage": days[0]["coverage"],
        }
        if days
        else None,
    }


def list_products(
    engine: sa.Engine, *, q: str = "", after: str = "", limit: int = 50
) -> list[dict[str, Any]]:
    """Page through products by sku; `q` is searched in sku, name, department and category.

    on_hand adds up the locations whose stock is known (`locations_known` of `locations`), None where none is. At
    `locations_below_zero` more was sold than ever came; `locations_out_of_stock` are known to be empty.
    """
    with engine.connect() as connection:
        rows = connection.execute(
            statement("catalog/products"),
            {"q": _escaped(q), "after": after, "limit": min(limit, PAGE_MAX)},
        ).mappings()
        return [
            {
                **_described(row),
                **_held(row),
                "last_sale_at": row["last_sale_at"],
            }
            for row in rows
        ]


# Orders of the list of products, as the query names them.
SORTS = ("sku", "name", "sales", "forecast", "cover", "incoming", "out")
STATES = ("out", "below", "unknown")


def planned_products(
    engine: sa.Engine,
    *,
    through: date,
    days: int,
    q: str = "",
    sort: str = "sku",
    state: str | None = None,
    after: str = "",
    limit: int | None = 50,
    location: str | None = None,
    department: str | None = None,
    category: str | None = None,
) -> list[dict[str, Any]]:
    """Page through products with what was sold in the last days, stock, cover, forecast, risk and what is on order.

    The forecast is the one in force; is_adjusted: overrides are in it.

    sort: one of SORTS; after: the sku that the page follows in that order. state: one of STATES, or all. `nearest`: the
    search found none, and this is like it. `found`, `before`: how many there are, and come before the row.
    """
    asked = {
        "typed": q.replace("\x00", ""),
        "q": _escaped(q),
        "through": through,
        "days": days,
        "sort": sort,
        "state": state,
        "after": after,
        "limit": limit,
        "location": location,
        "department": department,
        "category": category,
    }
    counted = (
        "sold",
        "cover",
        "forecast",
        "is_adjusted",
        "incoming",
        "at_risk",
        "nearest",
        "found",
        "before",
    )
    with engine.connect() as connection:
        rows = connection.execute(statement("catalog/product_list"), asked).mappings()
        return [
            {
                **_described(row),
                **_held(row),
                **{name: row[name] for name in (*counted, "horizon_days")},
            }
            for row in rows
        ]


def _described(row: Any) -> dict[str, Any]:
    return {
        **{name: row[name] for name in ("sku", "name", "department", "category", "unit")},
        "price": money(row["price_micros"]),
        "currency": row["currency"],
    }


def _held(row: Any) -> dict[str, Any]:
    return {
        "on_hand": units(row["on_hand_milli"]),
        "stock_known": row["known"] > 0,
        "locations": row["locations"],
        "locations_known": row["known"],
        "locations_below_zero": row["below_zero"],
        "locations_out_of_stock": row["out_of_stock"],
    }


def _stock_line(line: dict[str, Any]) -> dict[str, Any]:
    return {
        "location": line["location"],
        "location_name": line["location_name"],
        "region": line["region"],
        "timezone": line["timezone"],
        "on_hand": units(line["on_hand_milli"]),
        "book": units(line["book_milli"]),
        "known": line["known"],
        "counted_at": line["counted_at"],
        "last_sale_at": line["last_sale_at"],
        "price": money(line["price_micros"]),
        "currency": line["currency"],
        "promotion": line["promotion"],
        "sensed": units(line["sensed_milli"]),
        "sensed_at": line["sensed_at"],
        "arrivals": [
            {"expected_on": one["expected_on"], "quantity": units(one["milli"])}
            for one in line["arrivals"]
        ],
    }


def _escaped(q: str) -> str:
    """Search text is text, not a pattern."""
    return q.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_").replace("\x00", "")
