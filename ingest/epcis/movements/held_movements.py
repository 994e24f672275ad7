"""What the ledger holds of an event's movements, however it came there: what was made is never made again."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import sqlalchemy as sa

from ingest.epcis.movements.event_facts import MARK, SOURCE, name_of
from stocktide.domain.kinds import CORRECTION, KINDS
from stocktide.foundation.database import statement

# Outcomes under which a movement stands in the ledger.
MOVED = ("accepted", "duplicate")


@dataclass(frozen=True)
class Held:
    """A movement in the ledger. source, event_id: its identity there, another than its own if it was mended.

    corrects: it is a reversal itself. corrected: it is reversed already.
    """

    movement_id: str
    source: str
    event_id: str
    kind: str
    corrects: bool
    product: str
    location: str
    quantity: str
    corrected: bool

    @property
    def can_be_reversed(self) -> bool:
        """Tell whether a correction turns it round; counts are not."""
        return not self.corrects and KINDS[self.kind].reversible

    @property
    def done(self) -> dict[str, Any]:
        """What an event's row keeps of it."""
        return {
            "id": self.movement_id,
            "kind": CORRECTION.name if self.corrects else self.kind,
            "product": self.product,
            "location": self.location,
            "quantity": self.quantity,
            "outcome": "accepted",
        }


def held_movements(
    connection: sa.Connection, identities: Iterable[str], noted: Iterable[str]
) -> dict[str, list[Held]]:
    """Look up what the ledger holds, by the name of the event. noted: ids of movements that were told to it."""
    rows = connection.execute(
        statement("ingest/epcis/held_movements"),
        {
            "names": sorted({name_of(identity) for identity in identities}),
            "noted": sorted(set(noted)),
            "source": SOURCE,
        },
    ).mappings()
    found: dict[str, list[Held]] = {}
    for row in rows:
        held = _held(row)
        found.setdefault(held.movement_id.rpartition(MARK)[0], []).append(held)
    return found


def _held(row: Any) -> Held:
    fields = dict(row)
    milli, observed = fields.pop("quantity_milli"), fields.pop("observed_milli")
    amount = Decimal(milli if observed is None else observed) / 1000
    if not KINDS[fields["kind"]].signed:
        amount = abs(amount)
    return Held(**fields, quantity=f"{amount.normalize():f}")


def kept_of(row: Any, held: Sequence[Held]) -> list[dict[str, Any]]:
    """What an event has made so far: as it was noted, and what nobody came to note.

    row: with the `movements` noted so far.
    """
    known = {movement.movement_id: movement.done for movement in held}
    noted = [done for done in row.movements if done["outcome"] in MOVED]
    ids = {done["id"] for done in noted}
    return noted + [known[movement_id] for movement_id in sorted(known) if movement_id not in ids]


def noted_ids(rows: Iterable[Any]) -> list[str]:
    """The ids of the movements that were noted. rows: with their `movements`."""
    return [done["id"] for row in rows for done in row.movements]
