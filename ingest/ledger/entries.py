"""Entries of the ledger: new events claim their identity, become rows, and move stock, all in one transaction."""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import psycopg
import sqlalchemy as sa
from psycopg.errors import UniqueViolation
from psycopg.rows import dict_row

from ingest.ledger.announcement import announced
from ingest.ledger.binary import (
    BOOL,
    FLOAT8,
    INT4,
    INT8,
    TIMESTAMPTZ,
    PgArray,
    PgArrayDumper,
    array_of,
    copy_of,
    nullable_array_of,
    text_array_of,
)
from ingest.ledger.effects import (
    Commitment,
    LotMove,
    PairEffects,
    RareEffects,
    pair_effects,
    rare_effects,
)
from ingest.ledger.rows import IDENTITY, Row, RowEncoder, identity_rows, second_leg
from stocktide.database import sql

Identity = tuple[int, str]
# One block of the sequence ledger_entries; an event takes one number, or two.
ENTRIES_MAX = 65_536
# A COPY is cheaper than an INSERT by rows from about here on.
COPY_ROWS_MIN = 200
# After a batch with repeats the next ones probably have some too (a sender that starts anew): so many are claimed
# carefully, without trying the faster way that a repeat would break.
CAREFUL_BATCHES = 8


class Care:
    """How many batches are still claimed carefully; one a process, and a wrong count costs time alone."""

    left = 0


_care = Care()
_encoder = RowEncoder()


def raw_cursor(connection: sa.Connection) -> "psycopg.RawCursor[Any]":
    """A cursor of the driver, with its own $1 binds, in the transaction of an SQLAlchemy connection."""
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

    def append(self, batch: Mapping[Identity, Row]) -> dict[Identity, dict[str, Any]]:
        """Append the events whose identity is new, and move stock. Returns what is recorded under the others."""
        if not batch:
            return {}
        rows: list[Row] = []
        for identity in sorted(batch):
            row = batch[identity]
            row.entry_id = len(rows)
            rows.append(row)
            if row.to_location_id is not None:
                rows.append(second_leg(row))
        held = self._claim(rows)
        if held:
            rows = [row for row in rows if (row.source_id, row.event.event_id) not in held]
        if rows:
            self._copy_rows(rows)
            self._move_stock(pair_effects(rows, half_life_s=self._half_life_s))
            self._apply_rare(rare_effects(rows))
        return self.recorded(list(held)) if held else {}

    def entries_of(self, identities: Sequence[Identity]) -> dict[Identity, int]:
        """The entries that identities have, as far as they are recorded."""
        found = self._run(sql("ingest/entries_of"), _identity_arrays(identities))
        return {identities[place - 1]: entry for place, entry in found}

    def recorded(self, identities: Sequence[Identity]) -> dict[Identity, dict[str, Any]]:
        """What the ledger holds under identities, in the fields of an event."""
        cursor = psycopg.RawCursor(self._cursor.connection, row_factory=dict_row)
        cursor.execute(sql("ingest/recorded"), _identity_arrays(identities), prepare=True)
        return {(row["source_id"], row["event_id"]): row for row in cursor.fetchall()}

    def claim_corrections(self, claims: Mapping[int, Identity]) -> set[int]:
        """Claim entries for the corrections that reverse them. Returns those that nobody had reversed yet."""
        identities = list(claims.values())
        entries = array_of(np.array(list(claims), dtype=np.int64), INT8)
        rows = self._run(sql("ingest/claim_corrections"), (entries, *_identity_arrays(identities)))
        return {entry for (entry,) in rows}

    def _claim(self, rows: Sequence[Row]) -> dict[Identity, int]:
        """Number the rows and claim their identities; returns those that others hold, with their entries."""
        firsts = [row for row in rows if row.leg == 0]
        if _care.left == 0 and len(firsts) >= COPY_ROWS_MIN:
            first_entry = self._run("SELECT nextval('ledger_entries')", ())[0][0]
            _number(rows, first_entry)
            if self._copy_identities(firsts):
                return {}
            _number(rows, -first_entry)
            _care.left = CAREFUL_BATCHES
        identities = [(row.source_id, row.event.event_id) for row in firsts]
        arrays = _identity_arrays(identities)
        first_entry, claimed = self._run(sql("ingest/claim"), (*arrays, *_place_arrays(firsts)))[0]
        _number(rows, first_entry)
        if claimed == len(firsts):
            _care.left = max(0, _care.left - 1)
            return {}
        last_entry = first_entry + ENTRIES_MAX
        found = self._run(sql("ingest/entries_of"), arrays)
        return {
            identities[place - 1]: entry
            for place, entry in found
            if not first_entry <= entry < last_entry
        }

    def _copy_identities(self, firsts: Sequence[Row]) -> bool:
        """Claim by COPY, which takes all or nothing. Returns whether it took all."""
        try:
            with self._cursor.connection.transaction():
                self._copy("event_identities", IDENTITY, identity_rows(firsts))
        except UniqueViolation:
            return False
        return True

    def _copy_rows(self, rows: Sequence[Row]) -> None:
        columns, encoded = _encoder.ledger(rows)
        self._copy("ledger", columns, encoded)

    def _copy(self, table: str, columns: Sequence[str], rows: Iterable[bytes]) -> None:
        with self._cursor.copy(_copy_statement(table, tuple(columns))) as copy:
            copy.write(copy_of(rows))

    def _move_stock(self, effects: PairEffects) -> None:
        told = announced(np.unique(effects.product_id).tolist())
        binds = (*pair_arrays(effects), self._half_life_s, told)
        late = self._run(sql("ingest/move_stock"), binds)
        if len(late) > 1:  # the last row is NOTIFY's
            self._refold(pair for pair in late if pair[0] is not None)

    def _refold(self, pairs: Iterable[tuple[int, int]]) -> None:
        columns = np.array(sorted(pairs), dtype=np.int32)
        arrays = (array_of(columns[:, 0], INT4), array_of(columns[:, 1], INT4))
        self._cursor.execute(sql("ingest/refold"), arrays)

    def _apply_rare(self, effects: RareEffects) -> None:
        if effects.counted:
            self._refold(effects.counted)
        for statement, rows in (
            ("ingest/set_prices", [_priced(row) for row in effects.newest_price.values()]),
            ("ingest/set_readings", [_read(row) for row in effects.newest_reading.values()]),
            ("ingest/commit_goods", [_committed(*item) for item in effects.commitments.items()]),
            ("ingest/move_lots", [_lot(*item) for item in effects.lots.items()]),
            ("ingest/value_stock", [vars(costed) for costed in effects.costed]),
        ):
            if rows:
                self._cursor.execute(sql(statement), (json.dumps(rows, default=str),))

    def _run(self, statement: str, binds: Sequence[Any]) -> list[Any]:
        self._cursor.execute(statement.encode(), binds, prepare=True)
        return self._cursor.fetchall()


@cache
def _copy_statement(table: str, columns: tuple[str, ...]) -> str:
    return f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT binary)"


def _identity_arrays(identities: Sequence[Identity]) -> tuple[PgArray, PgArray]:
    sources = np.array([source for source, _ in identities], dtype=np.int32)
    return array_of(sources, INT4), text_array_of([event.encode() for _, event in identities])


def pair_arrays(effects: PairEffects) -> tuple[PgArray, ...]:
    """Effects as the statements that move stock take them."""
    return (
        array_of(effects.product_id, INT4),
        array_of(effects.location_id, INT4),
        array_of(effects.moved, INT8),
        array_of(effects.moved_from, TIMESTAMPTZ),
        array_of(effects.known, BOOL),
        array_of(effects.score, FLOAT8),
        nullable_array_of(effects.scored_at, effects.scored, TIMESTAMPTZ),
        nullable_array_of(effects.sold_at, effects.sold, TIMESTAMPTZ),
    )


def _number(rows: Sequence[Row], first_entry: int) -> None:
    for row in rows:
        row.entry_id += first_entry


def _place_arrays(rows: Sequence[Row]) -> tuple[PgArray, ...]:
    """Where the rows stand in the ledger: entries, products, locations, times."""
    return (
        array_of(np.array([row.entry_id for row in rows], dtype=np.int64), INT8),
        array_of(np.array([row.product_id for row in rows], dtype=np.int32), INT4),
        array_of(np.array([row.location_id for row in rows], dtype=np.int32), INT4),
        array_of(np.array([row.at for row in rows], dtype=np.int64), TIMESTAMPTZ),
    )


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
