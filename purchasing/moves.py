"""Moves between shops that a run proposes: listed, and sent as dispatches of the ledger."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from purchasing.desk.shell import Record
from purchasing.desk.transfers import lock_sources, stock_to_send
from stocktide.domain.exact_numbers import in_full
from stocktide.domain.kinds import DISPATCH
from stocktide.domain.own_sources import ORDERS
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, NotFound


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
    _check(fresh, stock_to_send(connection, [(one["source"], one["product"]) for one in fresh]))
    events = [_dispatch(move, by) for move in fresh]
    outcomes = record(connection, events) if events else []
    for move, (outcome, why) in zip(fresh, outcomes, strict=True):
        if outcome not in ("accepted", "duplicate"):
            raise Conflict(
                "move_refused",
                f"The ledger does not take the move of {move['product_name']}: {why or outcome}. Nothing was sent.",
            )
    sent = {move["number"] for move in found.values() if move["transfer_id"] in set(transfers)}
    return list_moves(connection, sorted(sent))


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


def _dispatch(move: dict[str, Any], by: str) -> bytes:
    event = {
        "specversion": "1.0",
        "id": move["transfer_id"],
        "source": ORDERS,
        "type": DISPATCH.type,
        "time": datetime.now(UTC).isoformat(),
        "sentby": by,
        "data": {
            "product": move["product"],
            "location": move["source"],
            "to_location": move["target"],
            "quantity": f"{move['units']:.3f}",
            "transfer_id": move["transfer_id"],
        },
    }
    return json.dumps(event).encode()
