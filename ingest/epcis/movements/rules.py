"""The table that says which movement an event is: the row that says most about the event wins."""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import msgspec
import sqlalchemy as sa

from ingest.epcis.model.vocabulary import BIZ_STEP, DISPOSITION
from stocktide.domain.kinds import ADJUSTMENT, KINDS, EventKind
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid
from stocktide.foundation.stored_text import is_storable_json

ANY = "*"
RULES_MAX = 1_000
Movement = Literal[
    "none", "receipt", "return", "sale", "adjustment in", "adjustment out", "stocktake", "reading", "dispatch",
    "arrival",
]  # fmt: skip
# Movements that are not called as their kind is.
_SIGNED: Mapping[str, EventKind] = {"adjustment in": ADJUSTMENT, "adjustment out": ADJUSTMENT}
Term = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]


class Rule(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Events of this type, step, disposition and action are this movement. * stands for anything."""

    movement: Movement
    event_type: Literal["ObjectEvent", "TransactionEvent", "TransformationEvent"] = "ObjectEvent"
    biz_step: Term = ANY
    disposition: Term = ANY
    action: Literal["*", "ADD", "OBSERVE", "DELETE"] = "*"
    why: Term | None = None

    def __post_init__(self) -> None:
        # a word of CBV stands bare in the table, however it was written
        msgspec.structs.force_setattr(self, "biz_step", BIZ_STEP.bare(self.biz_step))
        msgspec.structs.force_setattr(self, "disposition", DISPOSITION.bare(self.disposition))

    @property
    def key(self) -> tuple[str, str, str, str]:
        """Return what the rule is about."""
        return (self.event_type, self.biz_step, self.disposition, self.action)

    @property
    def weight(self) -> tuple[bool, bool, bool]:
        """Return how much the rule says: a step before a disposition, and that before an action."""
        return (self.biz_step != ANY, self.disposition != ANY, self.action != ANY)

    def fits(self, row: Any) -> bool:
        """Return True if an event is of this rule. row: of epcis_events, with bare words of CBV or addresses."""
        given = (row.event_type, row.biz_step, row.disposition, row.action)
        pairs = zip(self.key, given, strict=True)
        return all(wanted in (ANY, value) for wanted, value in pairs)


def kind_of(movement: Movement) -> EventKind:
    """Return the kind of event that a movement becomes. movement: not "none"."""
    return _SIGNED.get(movement) or KINDS[movement]


def brings_in(movement: Movement) -> bool:
    """Return True if goods come in by a movement."""
    kind = kind_of(movement)
    return movement == "adjustment in" if kind.signed else kind.sign > 0


def rule_of(rules: Sequence[Rule], row: Any) -> Rule | None:
    """Find the rule that says most about an event. row: as for `fits`."""
    fitting = (rule for rule in rules if rule.fits(row))
    return max(fitting, key=lambda rule: rule.weight, default=None)


def read_rules(connection: sa.Connection) -> list[Rule]:
    """Read the table."""
    rows = connection.execute(statement("ingest/epcis/rules")).mappings()
    return [msgspec.convert(dict(row), Rule) for row in rows]


def put_rules(connection: sa.Connection, rules: Sequence[Rule]) -> None:
    """Replace the whole table. Raises Invalid for two rules about the same."""
    if len(rules) > RULES_MAX:
        raise Invalid("too_many", f"{len(rules)} rules; at most {RULES_MAX}.")
    first: dict[tuple[str, ...], int] = {}
    for index, rule in enumerate(rules):
        other = first.setdefault(rule.key, index)
        if other != index:
            raise Invalid(
                "repeated", f"Rules {other} and {index} are about the same events.", row=index
            )
    connection.execute(sa.text("DELETE FROM epcis_movements"))
    rows = msgspec.json.encode(rules).decode()
    if not is_storable_json(rows):
        raise Invalid("bad_text", "A rule holds a NUL character.")
    # a value that is its field's default is left out by nobody: every column is written
    connection.execute(statement("ingest/epcis/put_rules"), {"rows": rows})
