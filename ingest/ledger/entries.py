"""Entries of the ledger: new events claim their identity, become rows, and move stock, all in one transaction."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from functools import cache
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import psycopg
import sqlalchemy as sa
from numpy.typing import NDArray
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from ingest.ledger.binary import (
    INT4,
    INT8,
    TIMESTAMPTZ,
    PgArray,
    PgArrayDumper,
    array_of,
    copy_of,
    text_array_of,
)
from ingest.ledger.columns import (
    FIXED,
    IDENTITY,
    USUAL,
    EntryColumns,
    identity_rows,
    ledger_rows,
    row_columns,
)
from ingest.ledger.effects import Commitment, LotMove, Pair, RareEffects, pair_effects, rare_effects
from ingest.ledger.rows import RARE, Row, has_rare, row_key, with_second_legs
from stocktide.foundation.database import sql

Identity = tuple[int, str]
# Rows, and a number for each: of sales the index of the event in its batch, below ENTRIES_MAX / 2, later that of the
# row in the block of entries. int64, shape (n,).
Part = tuple[EntryColumns, NDArray[np.int64]]
# One block of the sequence ledger_entries. An event has two numbers, one for each leg, by its index in the batch: of
# two events of one instant the later in the batch has the greater number, whichever form their rows have.
ENTRIES_MAX = 65_536
# A COPY is cheaper than an INSERT by rows from about here on.
COPY_ROWS_MIN = 200
# After a batch with repeats the next ones probably have some too (a sender that starts again): so many are claimed
# carefully, without trying the faster way that a repeat would break.
CAREFUL_BATCHES = 8


class Reversed(NamedTuple):
    """An entry that was reversed, and the pairs that it moved: one, or two of one product."""

    entry_id: int
    pairs: Sequence[Pair]


class CopyBackoff:
    """How many batches are still claimed carefully; one a process, and a wrong count costs time alone."""

    left = 0


_backoff = CopyBackoff()


def raw_cursor(connection: sa.Connection) -> "psycopg.RawCursor[Any]":
    """Return a cursor of the driver, with its own $1 binds, in the transaction of an SQLAlchemy connection."""
    driver = connection.connection.driver_connection
    assert isinstance(driver, psycopg.Connection)  # noqa: S101 - create_engine makes no other
    driver.adapters.register_dumper(PgArray, PgArrayDumper)
    return psycopg.RawCursor(driver)


class Entries:
    """Writes entries on one connection, in the caller's transaction."""

    def __init__(self, connection: sa.Connection, *, half_life_s: float) -> None:
        self.connection = connection
        self._half_life_s = half_life_s
        self._cursor = raw_cursor(connection)

    def append_rows(self, rows: Sequence[Row]) -> set[bytes]:
        """Append rows of events; see `append`."""
        return self.append([], rows)

    def append(self, sales: Sequence[Part], rows: Sequence[Row]) -> set[bytes]:
        """Append what is new of sales and of the rows of events, and move stock.

        sales: rows of plain sales, with the index of each event. No two events have the same index.
        Returns the keys of those whose identity others hold: of them nothing is written.
        """
        if rows:
            rows = with_second_legs(rows)
        parts = _parts(sales, rows)
        if not parts:
            return set()
        first_entry, held = self._claim(parts)
        new = _new(parts, held)
        if new:
            self._copy_entries(new, first_entry)
            self._move_stock(EntryColumns.concat([part for part, _ in new]))
        if rows:
            effects = rare_effects([row for row in rows if row_key(row) not in held])
            self._apply_rare(effects, block_of(first_entry))
        return held

    def entries_of(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        """Return the entries that identities have, as far as they are recorded."""
        found = self._run(sql("ingest/entries_of"), _identity_arrays(identities))
        return {identities[place - 1]: entry for place, entry in found}

    def recorded(self, identities: Sequence[Identity]) -> dict[Identity, dict[str, Any]]:
        """Return what the ledger holds under identities, in the fields of an event."""
        cursor = psycopg.RawCursor(self._cursor.connection, row_factory=dict_row)
        cursor.execute(sql("ingest/recorded"), _identity_arrays(identities), prepare=True)
        return {(row["source_id"], row["event_id"]): row for row in cursor.fetchall()}

    def claim_corrections(self, claims: Mapping[int, Identity]) -> set[int]:
        """Claim entries for the corrections that reverse them. Returns those that nobody had reversed yet."""
        identities = list(claims.values())
        entries = array_of(np.array(list(claims), dtype=np.int64), INT8)
        rows = self._run(sql("ingest/claim_corrections"), (entries, *_identity_arrays(identities)))
        return {entry for (entry,) in rows}

    def refold(self, reversed_entries: Sequence[Reversed]) -> None:
        """Fold again what the entries moved, now that they are reversed, and what their goods cost."""
        if not reversed_entries:
            return
        pairs = sorted({pair for entry in reversed_entries for pair in entry.pairs})
        self._cursor.execute(
            sql("ingest/refold_corrected"), (*_pair_arrays(pairs), self._half_life_s)
        )
        since: dict[int, int] = {}
        for entry in reversed_entries:
            block = block_of(entry.entry_id)
            product_id = entry.pairs[0][0]
            since[product_id] = min(block, since.get(product_id, block))
        products = np.array(sorted(since), dtype=np.int32)
        blocks = np.array([since[product_id] for product_id in sorted(since)], dtype=np.int64)
        binds = (array_of(products, INT4), array_of(blocks, INT8))
        self._cursor.execute(sql("ingest/refold_costs"), binds)

    def _claim(self, parts: Sequence[Part]) -> tuple[int, set[bytes]]:
        """Take a block of entries for rows, and claim their identities; returns its first, and what others hold."""
        rows = EntryColumns.concat([part for part, _ in parts])
        numbers = np.concatenate([numbers for _, numbers in parts])
        first = rows.leg == 0
        firsts, numbers = rows.filter(first), numbers[first]
        # everybody claims in one order: two batches with the same events wait in line instead of in a ring
        order = sorted(range(len(firsts)), key=firsts.key.__getitem__)
        if _backoff.left == 0 and len(firsts) >= COPY_ROWS_MIN:
            first_entry: int = self._run("SELECT nextval('ledger_entries')", ())[0][0]
            if self._copy_identities(identity_rows(firsts, first_entry + numbers, order)):
                return first_entry, set()
            _backoff.left = CAREFUL_BATCHES
        return self._claim_carefully(firsts, numbers, order)

    def _claim_carefully(
        self, firsts: EntryColumns, numbers: NDArray[np.int64], order: Sequence[int]
    ) -> tuple[int, set[bytes]]:
        identities = (
            array_of(firsts.source_id[order], INT4),
            text_array_of([firsts.event_id[number] for number in order]),
        )
        stands = (
            array_of(numbers[order], INT8),
            array_of(firsts.product_id[order], INT4),
            array_of(firsts.location_id[order], INT4),
            array_of(firsts.at[order], TIMESTAMPTZ),
        )
        first_entry, claimed = self._run(sql("ingest/claim"), (*identities, *stands))[0]
        if claimed == len(firsts):
            _backoff.left = max(0, _backoff.left - 1)
            return first_entry, set()
        ours = range(first_entry, first_entry + ENTRIES_MAX)
        found = self._run(sql("ingest/entries_of"), identities)
        return first_entry, {
            firsts.key[order[number - 1]] for number, entry in found if entry not in ours
        }

    def _copy_identities(self, rows: Iterable[bytes]) -> bool:
        """Claim by COPY, which takes all or nothing. Returns whether it took all."""
        try:
            with self._cursor.connection.transaction():
                self._copy("event_identities", IDENTITY, rows)
        except UniqueViolation:
            return False
        return True

    def _copy_entries(self, parts: Sequence[Part], first_entry: int) -> None:
        for wide, columns in ((False, FIXED + USUAL), (True, FIXED + USUAL + RARE)):
            rows = [
                ledger_rows(part, first_entry + numbers)
                for part, numbers in parts
                if part.wide == wide
            ]
            if rows:
                self._copy("ledger", columns, chain.from_iterable(rows))

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        with self._cursor.copy(_copy_statement(table, tuple(columns))) as copy:
            copy.write(copy_of(rows))

    def _move_stock(self, rows: EntryColumns) -> None:
        effects = pair_effects(rows, half_life_s=self._half_life_s)
        binds = effects.binds(half_life_s=self._half_life_s, refuse_late=False)
        late = self._run(sql("ingest/move_stock"), binds)
        if len(late) > 1:  # the last row is NOTIFY's
            self._refold(pair for pair in late if pair[0] is not None)

    def _refold(self, pairs: Iterable[tuple[int, int]]) -> None:
        self._cursor.execute(sql("ingest/refold"), _pair_arrays(sorted(pairs)))

    def _apply_rare(self, effects: RareEffects, block: int) -> None:
        if effects.counted:
            self._refold(effects.counted)
        for statement, rows in (
            ("ingest/set_prices", [_priced(row) for row in effects.newest_price.values()]),
            ("ingest/set_readings", [_read(row) for row in effects.newest_reading.values()]),
            ("ingest/commit_goods", [_committed(*item) for item in effects.commitments.items()]),
            ("ingest/move_lots", [_lot(*item) for item in effects.lots.items()]),
        ):
            if rows:
                self._cursor.execute(sql(statement), (json.dumps(rows, default=str),))
        if effects.transferred:
            binds = _pair_arrays(sorted(effects.transferred))
            self._cursor.execute(sql("ingest/refold_lots"), binds)
        if effects.costed:
            goods = json.dumps([vars(costed) for costed in effects.costed], default=str)
            self._cursor.execute(sql("ingest/value_stock"), (goods, block))

    def _run(self, statement: str, binds: Sequence[Any]) -> list[Any]:
        self._cursor.execute(statement.encode(), binds, prepare=True)
        return self._cursor.fetchall()


def _parts(sales: Sequence[Part], rows: Sequence[Row]) -> list[Part]:
    """Return what is written together, with the number of each row in the block of entries."""
    parts = [(part, 2 * numbers) for part, numbers in sales]
    if not rows:
        return parts
    in_block = np.array([2 * row.index + row.leg for row in rows], dtype=np.int64)
    is_rare = np.array([has_rare(row.event) for row in rows], dtype=np.bool_)
    for wide in (False, True):
        chosen = np.flatnonzero(is_rare == wide)
        if chosen.size:
            part = row_columns([rows[number] for number in chosen.tolist()], wide=wide)
            parts.append((part, in_block[chosen]))
    return parts


def _new(parts: Sequence[Part], held: Collection[bytes]) -> list[Part]:
    """Return those rows of parts whose events nobody holds."""
    if not held:
        return list(parts)
    new = []
    for part, numbers in parts:
        keep = np.array([key not in held for key in part.key])
        if keep.any():
            new.append((part.filter(keep), numbers[keep]))
    return new


@cache
def _copy_statement(table: str, columns: tuple[str, ...]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"


def _identity_arrays(identities: Sequence[Identity]) -> tuple[PgArray, PgArray]:
    sources = np.array([source for source, _ in identities], dtype=np.int32)
    return array_of(sources, INT4), text_array_of([event.encode() for _, event in identities])


def block_of(entry_id: int) -> int:
    """Return the block of entries that an entry is from, as the database's function of this name does."""
    return entry_id // ENTRIES_MAX


def _pair_arrays(pairs: Sequence[Pair]) -> tuple[PgArray, PgArray]:
    columns = np.array(pairs, dtype=np.int32)
    return array_of(columns[:, 0], INT4), array_of(columns[:, 1], INT4)


def _pair(row: Row) -> dict[str, Any]:
    return {
        "product_id": row.product_id,
        "location_id": row.location_id,
        "occurred_at": row.event.occurred_at.isoformat(),
    }


def _priced(row: Row) -> dict[str, Any]:
    event = row.event
    return _pair(row) | {
        "price_micros": event.price_micros,
        "currency": event.currency,
        "promotion": event.promotion,
    }


def _read(row: Row) -> dict[str, Any]:
    return _pair(row) | {"observed_milli": row.event.observed_milli}


def _committed(key: tuple[str, str, int, int], commitment: Commitment) -> dict[str, Any]:
    names = ("purpose", "reference", "product_id", "location_id")
    return {**dict(zip(names, key, strict=True)), **vars(commitment)}


def _lot(key: tuple[int, int, str], move: LotMove) -> dict[str, Any]:
    return {**dict(zip(("product_id", "location_id", "lot"), key, strict=True)), **vars(move)}
