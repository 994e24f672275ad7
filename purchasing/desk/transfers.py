"""Lines that a location of our own supplies: it sends what it has."""

from collections.abc import Collection, Sequence

import sqlalchemy as sa

from purchasing.desk.lines import Line
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement
from stocktide.foundation.database_names import sends_lock
from stocktide.foundation.errors import Conflict


def refused_for_stock(connection: sa.Connection, lines: Sequence[Line]) -> dict[int, Conflict]:
    """Return by line why its location cannot send it now; in the order of lines each takes from what is there.

    lines: approved. Until the caller commits, no other desk sends from the same locations.
    """
    sent = [line for line in lines if line.source is not None]
    if not sent:
        return {}
    lock_sources(connection, [str(line.source) for line in sent])
    # asked after the locks, so that what others have sent meanwhile is seen
    left = stock_to_send(connection, [(str(line.source), line.product) for line in sent])
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


def stock_to_send(
    connection: sa.Connection, pairs: Collection[tuple[str, str]]
) -> dict[tuple[str, str], int]:
    """Return what locations can send of products now, thousandths, by source and product."""
    asked = sorted(set(pairs))
    binds = {
        "sources": [source for source, _ in asked],
        "products": [product for _, product in asked],
    }
    rows = connection.execute(statement("purchasing/desk/source_stock"), binds)
    return {(row.source, row.product): int(row.milli) for row in rows}
