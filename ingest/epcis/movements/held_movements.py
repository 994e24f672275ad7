"""What the ledger holds of an event's movements, however it came there: what was made is never made again."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from ingest.epcis.movements.event_facts import MARK, SOURCE, name_of
from stocktide.domain.kinds import CORRECTION, KINDS
from stocktide.foundation.database import statement

# Outcomes under which a movement stands in the ledger.
MOVED = ("accepted", "duplicate")
SIGNED = [kind.name for kind in KINDS.values() if kind.signed]


@dataclass(frozen=True)
class Held:
    """A movement in the ledger. source, event_id: its identity there, another than its own if it was fixed.

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
    def event_name(self) -> str:
        """Return the name of the event that made it."""
        return self.movement_id.rpartition(MARK)[0]

    @property
    def can_be_reversed(self) -> bool:
        """Return True if a declaration takes it back; counts stand until newer ones come."""
        return not self.corrects and KINDS[self.kind].has_quantity

    @property
    def done(self) -> dict[str, Any]:
        """Return what an event's row keeps of it."""
        return {
            "id": self.movement_id,
            "kind": CORRECTION.name if self.corrects else self.kind,
            "product": self.product,
            "location": self.location,
            "quantity": self.quantity,
            "outcome": "accepted",
        }


def held_movements(connection: sa.Connection, rows: Sequence[Any]) -> list[Held]:
    """Look up what the ledger holds of events. rows: theirs, with the `movements` that were told to it."""
    binds = {
        "names": sorted({name_of(row.identity) for row in rows}),
        "noted": sorted({done["id"] for row in rows for done in row.movements}),
        "source": SOURCE,
        "signed": SIGNED,
    }
    held = connection.execute(statement("ingest/epcis/held_movements"), binds)
    return [Held(**row) for row in held.mappings()]


def kept_of(row: Any, held: Sequence[Held]) -> list[dict[str, Any]]:
    """Return what an event has made so far: as its row noted it, and what nobody came to note."""
    known = {movement.movement_id: movement.done for movement in held}
    noted = [done for done in row.movements if done["outcome"] in MOVED]
    for done in noted:
        known.pop(done["id"], None)
    return noted + [known[movement_id] for movement_id in sorted(known)]
