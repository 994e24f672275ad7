"""What changed since a comparison was computed: whoever applies a scenario of it is asked again."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict


def check_unchanged(connection: sa.Connection, saved: Mapping[str, Any], scenario: str) -> None:
    """Raise Conflict that says what changed since figures were computed, or that the same was applied already.

    saved: of `read_saved`. scenario: its name. Stock and lead times move all the time and do not count.
    """
    told = next(one for one in saved["asked"]["scenarios"] if one["name"] == scenario)
    same = {
        "what_if_id": saved["what_if_id"],
        "scenario": scenario,
        "scope": json.dumps(saved["asked"]["scope"]),
        "told": json.dumps(told),
    }
    said = [
        f"the same was applied by {row.applied_by} on {row.applied_on} ({row.name}: {row.scenario}), and this would "
        "come on top of it"
        for row in connection.execute(statement("purchasing/what_if_same"), same)
    ]
    since = saved["answer"].get("as_of")
    bound = {"since": saved["made_at"] if since is None else datetime.fromisoformat(since)}
    changed = connection.execute(statement("purchasing/what_if_changed"), bound).all()
    said += [
        "a newer forecast was published"
        if row.what == "forecast"
        else f"{row.changed:,} of the {row.what} changed"
        for row in changed
    ]
    if said:
        raise Conflict(
            "what_if_changed",
            f"Since its figures were computed: {'; '.join(said)}. Compare again, or apply it anyway.",
            changed=said,
        )
