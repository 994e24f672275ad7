"""Numbers of the order desk: nobody else may open an order or a transfer under one of them."""

import re
from collections.abc import Collection, Iterable

import sqlalchemy as sa

from ingest.parsing.events import Event, Fault, StockEvent
from stocktide.domain.kinds import KINDS
from stocktide.domain.own_sources import ORDERS
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import ORDER_NUMBERS_LOCK

# As the desk numbers its orders, the lines of its transfers, and moves.
LOOKS_OWN = re.compile(r"PO-\d+|(?:TR|MV)-\d+-\d+")


def read_own_numbers(connection: sa.Connection, numbers: Collection[str]) -> set[str]:
    """Return which of some numbers the order desk has given."""
    like_ours = sorted(number for number in numbers if LOOKS_OWN.fullmatch(number))
    if not like_ours:
        return set()
    binds = {"references": like_ours}
    return set(connection.execute(statement("ingest/own_numbers"), binds).scalars())


def taken_numbers(connection: sa.Connection, items: Iterable[Event | Fault]) -> set[str]:
    """Return the numbers of the desk under which others would open something.

    Until the caller ends the transaction the desk gives no new number, for it could be one of these.
    """
    opened = {number for item in items if (number := _opened_by_others(item)) is not None}
    if not any(map(LOOKS_OWN.fullmatch, opened)):
        return set()
    lock = sa.text("SELECT pg_advisory_xact_lock_shared(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": ORDER_NUMBERS_LOCK})
    return read_own_numbers(connection, opened)


def number_fault(event: StockEvent, taken: Collection[str]) -> Fault | None:
    """Return why an event may not open what it does; None where it may."""
    number = _opened_by_others(event) if taken else None
    if number is None or number not in taken:
        return None
    return Fault(
        "desk_number",
        f"{number!r} is a number of the order desk, under which the goods are on their way already. If this is "
        f"something else, give it a number of its own, such as 'ERP-{number}'; if it is the desk's, send only what "
        "came of it, under its number.",
        f"data.{KINDS[event.kind].reference}",
        event.source,
        event.event_id,
    )


def _opened_by_others(item: Event | Fault) -> str | None:
    """Return under which number an event of somebody else opens an order or a transfer."""
    if not isinstance(item, StockEvent) or item.source == ORDERS:
        return None
    kind = KINDS[item.kind]
    if kind.opens not in ("on_order", "in_transit"):
        return None
    return item.order_id if kind.reference == "order_id" else item.reference
