"""Moves between shops that a run proposes: listed, sent as dispatches, and closed where they came short."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from purchasing.desk.closing import closing_events, read_transfers
from purchasing.desk.lines import Rest
from purchasing.desk.shell import Record
from purchasing.desk.transfers import Picking, lock_sources, sending_events, stock_to_send
from stocktide.domain.exact_numbers import in_full
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound


def list_moves(
    connection: sa.Connection, moves: Sequence[int] | None = None
) -> list[dict[str, Any]]:
    """List the moves of the newest run, those of most worth first, each with whether it is sent and has arrived."""
    binds = {"moves": None if moves is None else list(moves)}
    rows = connection.execute(statement("purchasing/moves"), binds).mappings()
    return [dict(row) for row in rows]


def send_moves(
    connection: sa.Connection, record: Record, transfers: Sequence[str], *, by: str
) -> list[dict[str, Any]]:
    """Record moves as sent: they leave the source and are in transit to the target; the caller commits.

    transfers: ids of `list_moves`. What is sent already stays as it is. Raises NotFound for a move that the newest run
    does not propose, and Conflict where the source has not so much any more, or a move of an earlier run was sent to
    the same shop since the newest looked: then none is sent. Two at once send one after the other.
    """
    lock_sources(connection, [move["source"] for move in list_moves(connection)])
    # asked after the locks, so that what others have sent meanwhile is seen
    found = {move["transfer_id"]: move for move in list_moves(connection)}
    if missing := [one for one in transfers if one not in found]:
        raise NotFound(
            "move_unknown", f"The newest run proposes no move {missing[0]!r}.", move=missing[0]
        )
    fresh = [found[one] for one in dict.fromkeys(transfers) if not found[one]["is_sent"]]
    pairs, now = [(one["source"], one["product"]) for one in fresh], datetime.now(UTC)
    _check(fresh, stock_to_send(connection, pairs, now))
    picking = Picking(connection, pairs, now)
    events = [(move, event) for move in fresh for event in _events_of(move, picking, by)]
    outcomes = record(connection, [event for _, event in events]) if events else []
    for (move, _), (outcome, why) in zip(events, outcomes, strict=True):
        if outcome not in ("accepted", "duplicate"):
            raise Conflict(
                "move_refused",
                f"The ledger does not take the move of {move['product_name']}: {why or outcome}. Nothing was sent.",
            )
    sent = {move["number"] for move in found.values() if move["transfer_id"] in set(transfers)}
    return list_moves(connection, sorted(sent))


def list_under_way(connection: sa.Connection) -> list[dict[str, Any]]:
    """List the moves of all runs that were sent and have not come, or not all of them; the oldest first."""
    return [
        dict(row) for row in connection.execute(statement("purchasing/moves_under_way")).mappings()
    ]


def close_moves(
    connection: sa.Connection,
    record: Record,
    transfers: Sequence[str],
    *,
    by: str,
    reason: str,
    rest: Rest | None = None,
) -> list[dict[str, Any]]:
    """Close moves that came short: what came stays, and nothing of them is under way any more; the caller commits.

    rest: what has not come is in the source's stock again, None too, or lost and written off there.
    Returns a row a move, with what became of it in words. Raises NotFound for a move of which nothing is under way, and
    Invalid without a reason: then none is closed.
    """
    if not reason.strip():
        raise Invalid("reason", "Say why the moves are closed: it is kept with the correction.")
    asked = [one for one in dict.fromkeys(transfers) if one.startswith("MV-")]
    # asked again after the locks, so that what others have closed meanwhile is seen
    lock_sources(
        connection, [one.sent[0].source for one in read_transfers(connection, asked).values()]
    )
    found = read_transfers(connection, asked)
    for one in transfers:
        if one not in found or not found[one].rest_milli:
            raise NotFound(
                "move_not_under_way",
                f"Nothing of the move {one!r} is under way: it has come, is closed, or was never sent.",
                move=one,
            )
    events = [
        event for one in asked for event in closing_events(found[one], rest, by=by, reason=reason)
    ]
    for outcome, why in record(connection, events):
        if outcome != "accepted":
            raise Conflict(
                "move_refused",
                f"The ledger does not close the moves: {why or outcome}. None is closed.",
            )
    return [{"transfer_id": one, "told": found[one].told(rest)} for one in asked]


def _check(moves: Sequence[dict[str, Any]], left: dict[tuple[str, str], int]) -> None:
    """Raise Conflict for moves that are sent already by an earlier run, or whose goods are not there.

    left: what the sources have, thousandths; one move after the other takes from it.
    """
    for move in moves:
        pair = move["source"], move["product"]
        have, wanted = left.get(pair, 0), round(move["units"] * 1000)
        if move["sent_since"]:
            raise Conflict(
                "moved_since",
                f"{move['product_name']} was sent to {move['target_name']} since this move was proposed. "
                "Wait for the next proposal.",
            )
        if have < wanted:
            raise Conflict(
                "moved_too_much",
                f"{move['source_name']} has {in_full(have / 1000)} of {move['product_name']} to send, not "
                f"{in_full(move['units'])}. "
                "Wait for the next proposal.",
            )
        left[pair] = have - wanted


def _events_of(move: dict[str, Any], picking: Picking, by: str) -> list[bytes]:
    return sending_events(
        move["transfer_id"],
        picking.take(move["source"], move["product"], round(move["units"] * 1000)),
        product=move["product"],
        source=move["source"],
        target=move["target"],
        by=by,
    )
