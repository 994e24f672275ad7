"""Transfers that are closed before all has come: what came stays, the rest comes back or is written off."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import NamedTuple

import sqlalchemy as sa

from purchasing.desk.lines import Rest
from purchasing.desk.order_events import adjustment_event, correction_event, dispatch_event
from stocktide.domain.exact_numbers import in_full
from stocktide.domain.own_sources import ORDERS
from stocktide.foundation.database import statement


class Sent(NamedTuple):
    """Goods that left under a transfer, by one event. milli: thousandths of a unit."""

    event_id: str
    source: str
    lot: str | None
    expires_on: date | None
    expected_on: date | None
    milli: int
    at: datetime


@dataclass
class Transfer:
    """A transfer as it stands. came: thousandths by the lot that the arrival named."""

    reference: str
    product: str
    target: str
    sent: list[Sent] = field(default_factory=list)
    came: dict[str | None, int] = field(default_factory=lambda: defaultdict(int))

    @property
    def came_milli(self) -> int:
        """Return how much of it has come."""
        return sum(self.came.values())

    @property
    def rest_milli(self) -> int:
        """Return how much of it has not come."""
        return max(0, sum(one.milli for one in self.sent) - self.came_milli)

    def told(self, rest: Rest | None) -> str:
        """Say what became of the rest."""
        units, source = in_full(self.rest_milli / 1000), self.sent[0].source
        if rest == "lost":
            return f"{units} of {self.product} were written off at {source}."
        return f"{units} of {self.product} are in {source}'s stock again."


def read_transfers(connection: sa.Connection, references: Collection[str]) -> dict[str, Transfer]:
    """Return transfers of the desk by their ids, first to expire first; what is unknown is left out."""
    if not references:
        return {}
    binds = {"references": sorted(set(references)), "source": ORDERS}
    found: dict[str, Transfer] = {}
    for row in connection.execute(statement("purchasing/desk/transfers"), binds):
        new = Transfer(row.reference, row.product, row.target)
        transfer = found.setdefault(row.reference, new)
        if row.is_sent:
            goods = (row.event_id, row.source, row.lot, row.expires_on, row.expected_on)
            transfer.sent.append(Sent(*goods, row.milli, row.occurred_at))
        else:
            transfer.came[row.lot] += row.milli
    return {reference: one for reference, one in found.items() if one.sent}


def closing_events(transfer: Transfer, rest: Rest | None, *, by: str, reason: str) -> list[bytes]:
    """Return the events that close a transfer: what was sent never was, but for what has come of it.

    All of them are of the time when the goods left, so that a count of the source since then stays right. What is lost
    is an adjustment at the source.
    """
    events: list[bytes] = []
    for one, came in zip(transfer.sent, _came_of(transfer), strict=True):
        if came == one.milli:
            continue
        events.append(correction_event(one.event_id, f"cancelled by {by}: {reason}"))
        if came:
            events.append(
                dispatch_event(
                    f"{one.event_id}-came",
                    product=transfer.product,
                    source=one.source,
                    target=transfer.target,
                    milli=came,
                    transfer_id=transfer.reference,
                    expected_on=one.expected_on,
                    lot=one.lot,
                    expires_on=one.expires_on,
                    at=one.at,
                )
            )
        if rest == "lost":
            events.append(
                adjustment_event(
                    f"{one.event_id}-lost",
                    product=transfer.product,
                    location=one.source,
                    milli=came - one.milli,
                    reason=f"lost on the way to {transfer.target} ({transfer.reference}), says {by}: {reason}",
                    lot=one.lot,
                    at=one.at,
                )
            )
    return events


def _came_of(transfer: Transfer) -> list[int]:
    """Return how much has come of what each event sent: of the lot that was named, then first to expire first."""
    left = dict(transfer.came)
    came = []
    for one in transfer.sent:
        named = 0 if one.lot is None else min(one.milli, left.get(one.lot, 0))
        came.append(named)
        left[one.lot] = left.get(one.lot, 0) - named
    unnamed = sum(left.values())
    for number, one in enumerate(transfer.sent):
        more = min(one.milli - came[number], unnamed)
        came[number] += more
        unnamed -= more
    return came
