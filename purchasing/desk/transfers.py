"""Lines that a location of our own supplies: it sends what it has."""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from purchasing.desk.lines import Line
from purchasing.desk.order_events import dispatch_event
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import sends_lock
from stocktide.foundation.errors import Conflict


def refused_for_stock(
    connection: sa.Connection, lines: Sequence[Line], now: datetime
) -> dict[int, Conflict]:
    """Return by line why its location cannot send it now; in the order of lines each takes from what is there.

    lines: approved. Until the caller commits, no other desk sends from the same locations.
    """
    sent = [line for line in lines if line.source is not None]
    if not sent:
        return {}
    lock_sources(connection, [str(line.source) for line in sent])
    # asked after the locks, so that what others have sent meanwhile is seen
    left = stock_to_send(connection, [(str(line.source), line.product) for line in sent], now)
    refused = {}
    for line in sent:
        pair = (str(line.source), line.product)
        have = left.get(pair, 0)
        if line.quantity_milli > have:
            refused[line.line_id] = Conflict(
                "source_short",
                f"{line.source} has {in_full(have / 1000)} of {line.product} to send, not "
                f"{in_full(line.quantity_milli / 1000)}. Change line {line.line_id}, or wait for the next proposal.",
                line_id=line.line_id,
            )
        else:
            left[pair] = have - line.quantity_milli
    return refused


def lock_sources(connection: sa.Connection, sources: Collection[str]) -> None:
    """Let one desk at a time send from some locations until the caller ends its transaction."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    for source in sorted(set(sources)):
        connection.execute(lock, {"name": sends_lock(source)})


class Goods(NamedTuple):
    """Some of a product, of one lot or of none that is known. milli: thousandths of a unit."""

    milli: int
    lot: str | None = None
    expires_on: date | None = None


class Picking:
    """Takes goods from locations of ours for one transfer after another: the first to expire goes first."""

    def __init__(
        self, connection: sa.Connection, pairs: Collection[tuple[str, str]], now: datetime
    ) -> None:
        asked = sorted(set(pairs))
        binds = {
            "sources": [source for source, _ in asked],
            "products": [product for _, product in asked],
            "now": now,
        }
        self._left: dict[tuple[str, str], list[Goods]] = {}
        for row in connection.execute(statement("purchasing/desk/lots_to_send"), binds):
            goods = Goods(int(row.left_milli), row.lot, row.expires_on)
            self._left.setdefault((row.source, row.product), []).append(goods)

    def take(self, source: str, product: str, milli: int) -> list[Goods]:
        """Return so much of a product by lot; what no lot is known to have is last, without one."""
        lots, taken = self._left.get((source, product), []), []
        while milli and lots:
            first = lots.pop(0)
            some = min(milli, first.milli)
            taken.append(first._replace(milli=some))
            milli -= some
            if some < first.milli:
                lots.insert(0, first._replace(milli=first.milli - some))
        return [*taken, Goods(milli)] if milli else taken


def sending_events(
    transfer_id: str,
    goods: Sequence[Goods],
    *,
    product: str,
    source: str,
    target: str,
    expected_on: date | None = None,
    by: str | None = None,
) -> list[bytes]:
    """Return the events of a transfer, one a lot; the first has the id of the transfer."""
    return [
        dispatch_event(
            transfer_id if number == 1 else f"{transfer_id}-{number}",
            product=product,
            source=source,
            target=target,
            milli=some.milli,
            transfer_id=transfer_id,
            expected_on=expected_on,
            lot=some.lot,
            expires_on=some.expires_on,
            by=by,
        )
        for number, some in enumerate(goods, start=1)
    ]


def stock_to_send(
    connection: sa.Connection, pairs: Collection[tuple[str, str]], now: datetime
) -> dict[tuple[str, str], int]:
    """Return what locations can send of products now, thousandths, by source and product; nothing that has expired."""
    asked = sorted(set(pairs))
    binds = {
        "sources": [source for source, _ in asked],
        "products": [product for _, product in asked],
        "now": now,
    }
    rows = connection.execute(statement("purchasing/desk/source_stock"), binds)
    return {(row.source, row.product): int(row.milli) for row in rows}
