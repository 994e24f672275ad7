"""Events as rows of the ledger: which rows an event writes, and the cells that few of them fill."""

from collections.abc import Sequence

import msgspec

from ingest.ledger.binary import NULL, date_cell, int4_cell, int8_cell, jsonb_cell, text_cell
from ingest.parsing.events import StockEvent
from stocktide.domain.kinds import KINDS

RARE = ("reason", "counterparty", "committed_milli", "reference", "cost_micros", "lot", "expires_on", "expected_on",
        "corrects", "attributes", "to_location_id", "line_total_micros")  # fmt: skip
_USUAL_KINDS = frozenset(name for name, kind in KINDS.items() if kind.usual)
_COMMIT_LEG = {name: kind.commit_leg for name, kind in KINDS.items()}


class Row(msgspec.Struct, gc=False):
    """One row of the ledger: leg 0 of an event, or leg 1, which arrives elsewhere.

    at: microseconds of PostgreSQL's epoch. index: of the event in its batch.
    """

    event: StockEvent
    source_id: int
    product_id: int
    location_id: int
    quantity_milli: int
    at: int
    index: int = 0
    to_location_id: int | None = None
    leg: int = 0


def with_second_legs(rows: Sequence[Row]) -> list[Row]:
    """Return rows of leg 0, each with the row of the place where its goods go to right behind it."""
    both: list[Row] = []
    for row in rows:
        both.append(row)
        if row.to_location_id is not None:
            both.append(_second_leg(row, row.to_location_id))
    return both


def _second_leg(first: Row, location_id: int) -> Row:
    event = first.event
    kind = KINDS[event.kind]
    # a reversal has both turned round
    arrives = kind.sign * (kind.second_sign or 0) * first.quantity_milli
    ids = (first.source_id, first.product_id, location_id)
    return Row(event, *ids, arrives, first.at, first.index, leg=1)


def row_key(row: Row) -> bytes:
    """Return the key of a row's event; see `identity_keys`."""
    return row.source_id.to_bytes(4, "big") + row.event.event_id.encode()


def has_rare(event: StockEvent) -> bool:
    """Return True if an event fills one of the RARE columns."""
    if event.kind in _USUAL_KINDS:
        return not (
            event.lot is None
            and event.attributes is None
            and event.reference is None
            and event.corrects is None
            and event.line_total_micros is None
        )
    return True


def rare_cells(row: Row) -> bytes:
    """Encode a row's RARE columns for COPY."""
    event, leg = row.event, row.leg
    committed = event.committed_milli if leg == _COMMIT_LEG[event.kind] else None
    return b"".join(
        (
            text_cell(event.reason),
            text_cell(event.counterparty),
            int8_cell(committed),
            text_cell(event.reference),
            int8_cell(event.cost_micros),
            text_cell(event.lot),
            date_cell(event.expires_on),
            date_cell(event.expected_on),
            int8_cell(event.corrects),
            jsonb_cell(event.attributes) if leg == 0 else NULL,
            int4_cell(row.to_location_id),
            int8_cell(event.line_total_micros if leg == 0 else None),
        )
    )
