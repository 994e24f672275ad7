"""What came after an event: forecasts that were made of it, and alerts on its product at its place."""

import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from query.lineage.event import Event
from stocktide.domain.pools import OTHER_PRODUCTS, name_for
from stocktide.foundation.database import statement

# Runs and alerts that are listed, the newest.
LISTED_MAX = 20
GROUPS = ("department", "category")


def read_forecasts(connection: sa.Connection, event: Event) -> dict[str, Any]:
    """Return the runs that read the event, the newest first, with the items that its product is in.

    found: how many there are in all. includes: None where it is not known what a run's version of the lake held.
    """
    binds = {
        "xid": event.xid,
        "day": event.day,
        "recorded_at": event.recorded_at,
        "limit": LISTED_MAX,
    }
    rows = connection.execute(statement("query/lineage/event_forecasts"), binds).mappings().all()
    runs = [{name: value for name, value in row.items() if name != "found"} for row in rows]
    for run in runs:
        run["nodes"] = [] if run["pruned"] else _nodes(connection, event, run["forecast_run_id"])
    return {"runs": runs, "found": rows[0]["found"] if rows else 0}


def _nodes(connection: sa.Connection, event: Event, run_id: int) -> list[dict[str, Any]]:
    nodes: dict[int, dict[str, Any]] = {}
    for row in event.rows:
        keys = {key: row[key] or name_for(key) for key in (*GROUPS, "region", "country")}
        binds = {
            "forecast_run_id": run_id,
            "products": [row["product"], *_pools(row)],
            "keys": json.dumps({**keys, "location": row["location"]}),
        }
        found = connection.execute(statement("query/lineage/event_nodes"), binds).mappings()
        nodes |= {node["node_id"]: dict(node) for node in found}
    return list(nodes.values())


def _pools(row: Any) -> Iterator[str]:
    """Give the names that the pool of a product may have, by the keys that a hierarchy uses."""
    department, category = (row[key] or "" for key in GROUPS)
    for words in ([], [department], [category], [department, category]):
        yield " ".join([OTHER_PRODUCTS, *words])


def read_alerts(connection: sa.Connection, event: Event) -> dict[str, Any]:
    """Return alerts on the event's product at its place that were raised since, the newest first."""
    alerts, found = [], 0
    for row in event.rows:
        binds = {
            "product_id": row["product_id"],
            "location_id": row["location_id"],
            "recorded_at": event.recorded_at,
            "limit": LISTED_MAX,
        }
        rows = connection.execute(statement("query/lineage/event_alerts"), binds).mappings().all()
        found += rows[0]["found"] if rows else 0
        alerts += [{name: value for name, value in one.items() if name != "found"} for one in rows]
    return {"alerts": alerts, "found": found}
