"""The lake at a moment: which version of each table the last run that had ended by then left."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from stocktide.foundation.database import statement


@dataclass(frozen=True)
class LakeMoment:
    """The lake as a run left it. recorded_through: rows recorded until then are in it.

    is_oldest: nothing is known of runs before it, so that what it holds may have been there before.
    """

    noted_at: datetime
    run_id: int | None
    xid_before: int
    recorded_through: datetime | None
    versions: Mapping[str, int]
    is_oldest: bool = False

    @property
    def said(self) -> dict[str, Any]:
        """Return what an answer over it says of it."""
        through = self.recorded_through
        return {
            "as_of": None if through is None else f"{through.astimezone(UTC):%Y-%m-%d %H:%M:%S}",
            "run_id": self.run_id,
            "past": self.noted_at.isoformat(),
        }


def lake_at(connection: sa.Connection, at: datetime) -> LakeMoment | None:
    """Return the lake as it was at a moment (aware); None where that is not known."""
    return _moment(connection.execute(statement("query/lineage/lake_at"), {"at": at}))


def first_landed(connection: sa.Connection, xid: int) -> LakeMoment | None:
    """Return the lake as the first run left it that landed a transaction; None where none has yet."""
    return _moment(connection.execute(statement("query/lineage/first_landed"), {"xid": xid}))


def known_since(connection: sa.Connection) -> datetime | None:
    """Return the first moment of which the lake is known."""
    since: datetime | None = connection.execute(statement("query/lineage/lake_since")).scalar()
    return since


def _moment(found: "sa.CursorResult[tuple[object, ...]]") -> LakeMoment | None:
    row = found.mappings().first()
    if row is None:
        return None
    return LakeMoment(**{name: value for name, value in row.items() if name != "history_id"})
