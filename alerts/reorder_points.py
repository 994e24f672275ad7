"""Reorder points: set by people or by another system, one a product and location."""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from alerts.rules import units
from stocktide.domain.exact_numbers import MILLI_PLACES, NotExact, Number, scaled_exactly
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import ALERT_INPUTS_CHANGED
from stocktide.foundation.errors import Invalid, NotFound
from stocktide.foundation.stored_text import is_storable

# A page, and one request's share.
ROWS_MAX = 10_000


class ReorderPoint(msgspec.Struct, forbid_unknown_fields=True):
    """One reorder point in units, of at most three decimals; null takes it away."""

    product: str
    location: str
    reorder_point: Number | None


def put_reorder_points(
    connection: sa.Connection, points: Sequence[ReorderPoint], *, by: str, units_max: int
) -> int:
    """Set reorder points and have their pairs judged; all of them or none. Returns how many were given.

    Raises Invalid that names the place, NotFound that names the product or location. The caller commits.
    """
    if len(points) > ROWS_MAX:
        raise Invalid(
            "reorder_points", f"{len(points)} reorder points at once; at most {ROWS_MAX}."
        )
    if len({(point.product, point.location) for point in points}) < len(points):
        raise Invalid("reorder_points", "A product and location is listed twice.")
    if not all(is_storable(point.product + point.location) for point in points):
        raise Invalid("bad_text", "A product or location holds a NUL character.")
    columns = {
        "products": [point.product for point in points],
        "locations": [point.location for point in points],
        "milli": [_milli(index, point, units_max) for index, point in enumerate(points)],
    }
    missing = connection.execute(
        statement("alerts/put_reorder_points"), {**columns, "by": by}
    ).first()
    if missing is not None:
        what = f"product {missing.product!r}"
        if not missing.product_unknown:
            what = f"location {missing.location!r}"
        raise NotFound("pair_unknown", f"Unknown: {what}. Nothing was written.")
    connection.execute(sa.select(sa.func.pg_notify(ALERT_INPUTS_CHANGED, "")))
    return len(points)


def list_reorder_points(
    connection: sa.Connection,
    *,
    product: str | None = None,
    location: str | None = None,
    after: tuple[str, str] = ("", ""),
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Page through reorder points by product and location, in units."""
    rows = connection.execute(
        statement("alerts/reorder_points"),
        {
            "product": product,
            "location": location,
            "after_product": after[0],
            "after_location": after[1],
            "limit": min(limit, ROWS_MAX),
        },
    ).mappings()
    return [
        {
            **{name: value for name, value in row.items() if name != "reorder_point_milli"},
            "reorder_point": units(row["reorder_point_milli"]),
        }
        for row in rows
    ]


def _milli(index: int, point: ReorderPoint, units_max: int) -> int | None:
    given = point.reorder_point
    if given is None:
        return None
    try:
        milli = scaled_exactly(given, MILLI_PLACES, units_max)
    except NotExact:
        milli = -1
    if milli < 0:
        raise Invalid(
            "reorder_point",
            f"reorder_points[{index}].reorder_point: 0 to {units_max} units, with at most three decimals.",
            field=f"reorder_points[{index}].reorder_point",
        )
    return milli
