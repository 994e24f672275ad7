"""Plans are read back in the form in which they are sent, with who recorded them and when."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sa

from ingest.calendar.kinds import kind_of
from ingest.parsing.numbers import MICRO
from ingest.versions.kinds import AUDIT, Kind
from stocktide.foundation.database import statement


@dataclass(frozen=True)
class Wanted:
    """Filter of plans. since, until: they touch these days. as_of: as they stood then (None: now).

    history: every row there ever was, also what was changed or withdrawn.
    """

    plan: str | None = None
    product: str | None = None
    location: str | None = None
    since: date | None = None
    until: date | None = None
    as_of: datetime | None = None
    history: bool = False


def list_plans(
    connection: sa.Connection, kind: str, wanted: Wanted, *, after: int = 0, limit: int = 100
) -> list[dict[str, Any]]:
    """Page through the plans of a kind, in the order of their recording; `calendar_id` is the next page's `after`."""
    of = kind_of(kind)
    bound = {"kind": kind, "after": after, "limit": limit, **asdict(wanted)}
    rows = connection.execute(statement("ingest/calendar/list"), bound).mappings()
    return [_plan(of, dict(row)) for row in rows]


def _plan(kind: Kind, row: Mapping[str, Any]) -> dict[str, Any]:
    micros = row["price_micros"]
    said = {
        **row,
        "id": row["plan"],
        "from": row["starts_on"],
        "to": row["ends_on"],
        "name": row["label"],
        "kind": row["label"],
        "state": row["label"],
        "price": None if micros is None else micros / MICRO,
    }
    fields = [name for name in kind.fields if name not in AUDIT]
    return {name: said[name] for name in ("calendar_id", *fields, *AUDIT)}
