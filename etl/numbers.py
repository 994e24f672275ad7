"""Transaction numbers of this database's life: those of another, as after a restore, say nothing of what has landed."""

from dataclasses import dataclass

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.errors import Fatal


@dataclass(frozen=True)
class Numbers:
    """Numbers that no transaction of this database can have had yet.

    next_xid: the next number. ledger_rows: rows of the ledger with that number or a later one. watermark: the lake's.
    """

    next_xid: int
    ledger_rows: int
    watermark: int

    @property
    def strange(self) -> str | None:
        """Return what is wrong with them and what to do, None if nothing is."""
        if self.ledger_rows:
            return (
                f"{self.ledger_rows:,} rows of the ledger carry transaction numbers of another database, as after a "
                f"restore: this one has come to {self.next_xid:,}. They would never land in the lake. Run "
                "`stocktide rebuild`: it numbers them again and makes all copies from the ledger."
            )
        if self.watermark > self.next_xid:
            return (
                f"The lake holds everything before transaction {self.watermark:,}, and this database has come to "
                f"{self.next_xid:,} only: the lake was written by another database, or by this one before a restore. "
                "Nothing new would land in it. Point STOCKTIDE_LAKE_URL to the right one, or run `stocktide rebuild`: "
                "it makes the lake from the ledger."
            )
        return None


def numbers_of(connection: sa.Connection, watermark: int) -> Numbers:
    """Compare the ledger's transaction numbers and the lake's watermark with what this database has come to."""
    row = connection.execute(statement("etl/numbers")).one()
    return Numbers(row.next_xid, row.ledger_rows, watermark)


def refuse_strangers(engine: sa.Engine, watermark: int) -> None:
    """Raise Fatal if ledger or lake carry transaction numbers of another database."""
    with engine.connect() as connection:
        strange = numbers_of(connection, watermark).strange
    if strange is not None:
        raise Fatal("another_database", strange)


def renumber(connection: sa.Connection) -> int:
    """Give the ledger's rows the number of this transaction, if some have another database's; the caller commits.

    Beside customers' pseudonyms, which are given once, it is the only change ever made to rows of the ledger. Returns
    how many were renumbered: all or none.
    """
    if numbers_of(connection, 0).strange is None:
        return 0
    connection.execute(sa.text("ALTER TABLE ledger DISABLE TRIGGER USER"))
    changed = connection.execute(sa.text("UPDATE ledger SET xid = pg_current_xact_id()")).rowcount
    connection.execute(sa.text("ALTER TABLE ledger ENABLE TRIGGER USER"))
    return changed
