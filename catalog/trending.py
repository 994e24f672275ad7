"""The products that sell most lately: units sold, decayed by age, at one location, in one region, or everywhere."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from catalog.amounts import units
from catalog.cache import ProductCache
from stocktide.foundation.database import statement

TRENDING = "trending"
# Scores age by the hour; nobody sees the difference in a list this old.
TTL_S = 15
LIMIT_MAX = 100
# With no sale for this many half-lives every score is below 1/1000: then the list is shown as of the newest sale.
QUIET_HALF_LIVES = 10


@dataclass(frozen=True)
class Scope:
    """Where: one location, one region, or, with neither, everywhere."""

    location: str | None = None
    region: str | None = None

    @property
    def name(self) -> str:
        """Name of the scope in cache keys."""
        return (
            f"location={self.location}"
            if self.location
            else f"region={self.region}"
            if self.region
            else "all"
        )


def read_trending(
    engine: sa.Engine, cache: ProductCache, scope: Scope, *, half_life_h: float, limit: int = 20
) -> dict[str, Any]:
    """Return {as_of, half_life_h, live, products: [{product, name, score (units), …}]}, best first.

    as_of is now, or the newest sale's time where the feed has long been silent (live is false then).
    """
    limit = min(limit, LIMIT_MAX)
    found: dict[str, Any] = cache.read(
        TRENDING,
        f"{scope.name}:{limit}",
        lambda: load_trending(engine, scope, half_life_h=half_life_h, limit=limit),
        ttl_s=TTL_S,
    )
    return found


def load_trending(
    engine: sa.Engine, scope: Scope, *, half_life_h: float, limit: int
) -> dict[str, Any]:
    """Compute the list from the scores in the stock rows."""
    with engine.connect() as connection:
        newest = connection.execute(sa.text("SELECT max(sales_score_at) FROM stock")).scalar()
        now = datetime.now(UTC)
        live = (
            newest is not None
            and (now - newest).total_seconds() < QUIET_HALF_LIVES * half_life_h * 3600
        )
        as_of = now if live or newest is None else newest
        rows = connection.execute(
            statement("catalog/trending"),
            {
                "as_of": as_of,
                "half_life_s": half_life_h * 3600,
                "location": scope.location,
                "region": scope.region,
                "limit": limit,
            },
        ).mappings()
        products = [
            {
                **{
                    name: row[name]
                    for name in ("product", "name", "department", "category", "unit")
                },
                "score": row["score"],
                "last_sale_at": row["last_sale_at"],
                "on_hand": units(row["on_hand_milli"]),
                "locations": row["locations"],
                "locations_known": row["known"],
                "locations_below_zero": row["below_zero"],
            }
            for row in rows
        ]
    return {
        "as_of": as_of,
        "newest_sale_at": newest,
        "live": live,
        "half_life_h": half_life_h,
        "products": products,
    }
