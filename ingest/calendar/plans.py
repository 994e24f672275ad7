"""Plans go into their tables, and are taken back."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from ingest.calendar.kinds import kind_of
from ingest.versions.rows import RowsPut, put_rows, withdraw_row


def put_plans(connection: sa.Connection, kind: str, plans: Sequence[Any], *, by: str) -> RowsPut:
    """Record plans of a kind (its struct), all or none; the caller commits. Raises as `put_rows`."""
    return put_rows(connection, kind_of(kind), plans, by=by)


def withdraw_plan(connection: sa.Connection, kind: str, plan: str, *, by: str) -> None:
    """Take a plan back: from now on it is not known, but what knew it before still does. Raises NotFound."""
    withdraw_row(connection, kind_of(kind), plan, by=by)
