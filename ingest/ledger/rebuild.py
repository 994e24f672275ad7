"""Everything in Postgres that is a fold of the ledger, made again from it."""

import json

import sqlalchemy as sa

from stocktide.domain.kinds import KINDS
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import STOCK_CHANGED

# Tables of the ledger's house that are emptied and folded again, in this order: each from the ledger and those before.
FOLDED = ("event_kinds", "corrections", "commitments", "lots", "stock")


def rebuild_folds(connection: sa.Connection, *, half_life_s: float) -> None:
    """Make stock, commitments, lots, costs, corrections, identities and kinds again; the caller commits.

    Writers wait until then, readers see what was there before. half_life_s: of trending scores.
    """
    # whoever records moves stock before everything else but identities, so this keeps all of it still
    connection.execute(sa.text("LOCK TABLE stock IN EXCLUSIVE MODE"))
    kinds = json.dumps([kind.row() for kind in KINDS.values()])
    binds = {"kinds": kinds, "half_life_s": half_life_s}
    for table in FOLDED:
        connection.execute(sa.text(f"DELETE FROM {table}"))  # noqa: S608 - names from above
        connection.execute(statement(f"ingest/rebuild/{table}"), binds)
    _rebuild_identities(connection)
    connection.execute(sa.text("DELETE FROM valuations"))
    connection.execute(statement("ingest/rebuild/costs"))
    connection.execute(statement("ingest/rebuild/stock_changes"))
    connection.execute(sa.text("SELECT pg_notify(:channel, '*')"), {"channel": STOCK_CHANGED})


def _rebuild_identities(connection: sa.Connection) -> None:
    """Make identities those of the ledger. They are append-only for everybody else."""
    connection.execute(sa.text("ALTER TABLE event_identities DISABLE TRIGGER USER"))
    connection.execute(statement("ingest/rebuild/event_identities"))
    connection.execute(statement("ingest/rebuild/missing_identities"))
    connection.execute(sa.text("ALTER TABLE event_identities ENABLE TRIGGER USER"))
