"""What a batch of ledger rows does to stock, reduced to one effect a pair of product and location."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import numpy as np
from numpy.typing import NDArray

from ingest.ledger.announcement import announced
from ingest.ledger.binary import (
    BOOL,
    FLOAT8,
    INT4,
    INT8,
    TIMESTAMPTZ,
    PgArray,
    array_of,
    nullable_array_of,
)
from ingest.ledger.columns import IS_KNOWN, IS_SALE, IS_SCORED, PLAIN, EntryColumns
from ingest.ledger.rows import Row
from stocktide.domain.kinds import KINDS, EventKind
from stocktide.domain.told_day import told_day

Pair = tuple[int, int]
INFINITY = np.iinfo(np.int64).max
# After so many halvings nothing is left of a sale; and 2^-1000 is still a float.
HALVINGS_MAX = 1000.0


@dataclass(frozen=True)
class PairEffects:
    """Effects on n pairs, ordered by product and location, so that all writers lock them in one order.

    product_id, location_id: int32. moved: int64, thousandths. moved_from: int64, the earliest event time that moved
    something, INFINITY where none did. known: a row shows how much there is. score: float64, units sold, each halved
    every half-life before scored_at. scored_at, sold_at: int64, 0 where `scored`, `sold` (bool) is False. All arrays
    have shape (n,), times are microseconds since PostgreSQL's epoch.
    """

    product_id: NDArray[np.int32]
    location_id: NDArray[np.int32]
    moved: NDArray[np.int64]
    moved_from: NDArray[np.int64]
    known: NDArray[np.bool_]
    score: NDArray[np.float64]
    scored_at: NDArray[np.int64]
    scored: NDArray[np.bool_]
    sold_at: NDArray[np.int64]
    sold: NDArray[np.bool_]

    def binds(
        self, *, half_life_s: float, refuse_late: bool
    ) -> tuple[PgArray | float | str | bool, ...]:
        """Return them as move_stock.sql takes them. refuse_late: fail where something is from before a count."""
        return (
            array_of(self.product_id, INT4),
            array_of(self.location_id, INT4),
            array_of(self.moved, INT8),
            array_of(self.moved_from, TIMESTAMPTZ),
            array_of(self.known, BOOL),
            array_of(self.score, FLOAT8),
            nullable_array_of(self.scored_at, self.scored, TIMESTAMPTZ),
            nullable_array_of(self.sold_at, self.sold, TIMESTAMPTZ),
            half_life_s,
            announced(np.unique(self.product_id).tolist()),
            refuse_late,
        )


def pair_effects(rows: EntryColumns, *, half_life_s: float) -> PairEffects:
    """Reduce rows to one effect a pair. rows: at least one."""
    key = rows.product_id.astype(np.int64) << 32 | rows.location_id
    order = np.argsort(key, kind="stable")
    key = key[order]
    starts = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    moved, at, flags = rows.quantity_milli[order], rows.at[order], rows.flags[order]
    scored = (flags & IS_SCORED) != 0
    sold = ((flags & IS_SALE) != 0) & (moved < 0)
    known = (flags & IS_KNOWN) != 0
    never = np.iinfo(np.int64).min
    scored_at = np.maximum.reduceat(np.where(scored, at, never), starts)
    sold_at = np.maximum.reduceat(np.where(sold, at, never), starts)
    sizes = np.diff(np.append(starts, key.size))
    age_s = (np.repeat(scored_at, sizes) - at) / 1e6
    weight = np.exp2(-np.minimum(np.where(scored, age_s, 0.0) / half_life_s, HALVINGS_MAX))
    score = np.add.reduceat(np.where(scored, moved / -1000.0 * weight, 0.0), starts)
    return PairEffects(
        product_id=(key[starts] >> 32).astype(np.int32),
        location_id=(key[starts] & 0xFFFFFFFF).astype(np.int32),
        moved=np.add.reduceat(moved, starts),
        moved_from=np.minimum.reduceat(np.where(moved != 0, at, INFINITY), starts),
        known=np.logical_or.reduceat(known, starts),
        score=score,
        scored_at=np.where(scored_at == never, 0, scored_at),
        scored=scored_at != never,
        sold_at=np.where(sold_at == never, 0, sold_at),
        sold=sold_at != never,
    )


@dataclass(frozen=True)
class Costed:
    """Goods that came at a known cost, or at the cost of the place that they came from."""

    product_id: int
    location_id: int
    quantity_milli: int
    cost_micros: int | None
    currency: str | None
    from_location_id: int | None
    occurred_at: datetime


@dataclass
class Commitment:
    """What rows open and close under one reference, thousandths."""

    opened_milli: int = 0
    closed_milli: int = 0
    expected_on: date | None = None


@dataclass
class LotMove:
    """What rows move of one lot, thousandths."""

    quantity_milli: int = 0
    expires_on: date | None = None


@dataclass
class RareEffects:
    """What few rows do beyond moving stock; each collection is empty for most batches.

    newest_price, newest_reading: the row that rules for a pair. commitments: by purpose, reference, product and
    location. lots: by product, location and lot. transferred: where goods of a transfer came, or are to come by lot.
    """

    counted: set[Pair] = field(default_factory=set)
    newest_price: dict[Pair, Row] = field(default_factory=dict)
    newest_reading: dict[Pair, Row] = field(default_factory=dict)
    commitments: dict[tuple[str, str, int, int], Commitment] = field(default_factory=dict)
    lots: dict[tuple[int, int, str], LotMove] = field(default_factory=dict)
    transferred: set[Pair] = field(default_factory=set)
    costed: list[Costed] = field(default_factory=list)


def rare_effects(rows: Sequence[Row]) -> RareEffects:
    """Collect what goes beyond moving stock. rows: a second leg stands right behind its first.

    Reversals have none: what they undo is folded again from the ledger.
    """
    effects = RareEffects()
    for number, row in enumerate(rows):
        event = row.event
        if event.corrects is not None or (
            event.kind in PLAIN and event.reference is None and event.lot is None
        ):
            continue
        kind = KINDS[event.kind]
        pair = (row.product_id, row.location_id)
        if kind.is_count:
            effects.counted.add(pair)
        elif kind.sets_price:
            _keep_newest(effects.newest_price, pair, row)
        elif kind.is_reading:
            _keep_newest(effects.newest_reading, pair, row)
        commits = event.committed_milli is not None and row.leg == kind.commit_leg
        if commits:
            _commit(effects, kind, row)
            if kind.reference == "transfer_id" and (kind.closes or event.lot is not None):
                effects.transferred.add(pair)
        # what is sent by lot has a row where it goes to, before it comes
        if event.lot is not None and (row.quantity_milli or commits):
            move = effects.lots.setdefault((*pair, event.lot), LotMove())
            move.quantity_milli += row.quantity_milli
            move.expires_on = told_day(event.expires_on) or move.expires_on
        if event.cost_micros is not None or row.leg == 1:
            came_from = rows[number - 1].location_id if row.leg == 1 else None
            if row.quantity_milli > 0:
                effects.costed.append(
                    Costed(
                        *pair,
                        row.quantity_milli,
                        event.cost_micros,
                        event.currency,
                        came_from,
                        event.occurred_at,
                    )
                )
    return effects


def _keep_newest(newest: dict[Pair, Row], pair: Pair, row: Row) -> None:
    """Keep the newer row; of two of one instant the later entry, as in the ledger: it comes later here too."""
    held = newest.get(pair)
    if held is None or held.event.occurred_at <= row.event.occurred_at:
        newest[pair] = row


def _commit(effects: RareEffects, kind: EventKind, row: Row) -> None:
    event = row.event
    purpose = kind.opens or kind.closes
    reference = event.order_id if kind.reference == "order_id" else event.reference
    assert purpose is not None  # noqa: S101 - a leg that commits opens or closes
    assert reference is not None  # noqa: S101 - the parser commits nothing without one
    commitment = effects.commitments.setdefault(
        (purpose, reference, row.product_id, row.location_id), Commitment()
    )
    if kind.opens is not None:
        commitment.opened_milli += event.committed_milli or 0
    else:
        commitment.closed_milli += event.committed_milli or 0
    commitment.expected_on = told_day(event.expected_on) or commitment.expected_on
