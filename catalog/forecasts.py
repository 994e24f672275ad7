"""The published forecast: its nodes, one node's periods, its errors."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from catalog.completeness import late_words
from stocktide.foundation.database import statement
from stocktide.foundation.errors import NotFound

NODES_MAX = 500


def find_nodes(
    engine: sa.Engine,
    *,
    node_id: int | None = None,
    level_name: str | None = None,
    keys: Mapping[str, str] | None = None,
    parent_id: int | None = None,
    roots: bool = False,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Find nodes of the published forecast, the largest first; `total` is over the horizon, `units` what it adds."""
    with engine.connect() as connection:
        rows = connection.execute(
            statement("catalog/forecast_nodes"),
            {
                "node_id": node_id,
                "level_name": level_name,
                "keys": None if keys is None else json.dumps(dict(keys)),
                "parent_id": parent_id,
                "roots": roots,
                "limit": min(limit, NODES_MAX),
            },
        ).mappings()
        return [dict(row) for row in rows]


def node_days(engine: sa.Engine, *nodes: int) -> list[dict[str, Any]]:
    """Return the forecast of a node by period: first_day, ds (its last day), yhat and quantiles, units a period.

    In a daily forecast both are the day. Of several nodes, the sum of their means, without quantiles. Raises NotFound.
    """
    rows = read_days(engine, nodes, in_force=False)
    if not rows:
        raise NotFound(
            "node_unknown",
            f"The published forecast has no item {', '.join(map(str, nodes))}.",
            node_id=nodes[0],
        )
    # means as published are all that there is here
    return [{name: value for name, value in row.items() if name != "published"} for row in rows]


def read_days(engine: sa.Engine, nodes: Sequence[int], *, in_force: bool) -> list[dict[str, Any]]:
    """Read the forecast of nodes by period; in_force: with overrides, and nothing where none reaches them."""
    asked = {"nodes": list(nodes), "in_force": in_force}
    with engine.connect() as connection:
        rows = connection.execute(statement("catalog/node_forecast"), asked).mappings()
        return [dict(row) for row in rows]


def published_run(engine: sa.Engine) -> dict[str, Any] | None:
    """Describe the published run and its version, None where nothing was published yet.

    not_final: its last days of which a part was still to come when it was made, in words; "" if all had come.
    """
    with engine.connect() as connection:
        row = connection.execute(statement("catalog/published_run")).mappings().first()
    return None if row is None else {**row, "not_final": late_words(row["not_final_days"])}
