"""What movements need to know of an event: where its goods are, and what else it tells of them."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from ingest.epcis.model.goods import Goods
from ingest.epcis.model.models import AnyEvent, Event
from ingest.epcis.model.vocabulary import PLACE_TYPE, TRANSACTION_TYPE
from ingest.epcis.movements.rules import Movement, brings_in, kind_of
from stocktide.domain.own_sources import EPCIS

# The source of all movements that come from EPCIS.
SOURCE = EPCIS
# Longer identities do not fit an event's id in the ledger; a hash of them does.
ID_MAX = 400
TEXT_MAX = 500
# Between an event's name and that of its goods, in the id of a movement.
MARK = "#"


def name_of(identity: str) -> str:
    """Return what the ids of an event's movements begin with: its identity, or the hash of one that is too long."""
    if len(identity) <= ID_MAX:
        return identity
    return f"sha-256:{hashlib.sha256(identity.encode()).hexdigest()}"


@dataclass(frozen=True)
class EventFacts:
    """An event with its goods. ilmd: master data of objects that begin, by its names in the vocabulary."""

    identity: str
    event: AnyEvent
    goods: Sequence[Goods]
    ilmd: Mapping[str, str]

    def id_of(self, digest: str) -> str:
        """Return the id of a movement in the ledger. digest: of its goods."""
        return f"{name_of(self.identity)}{MARK}{digest}"

    @property
    def step(self) -> str:
        """Return the business step as the event has it, or its type."""
        step: str = getattr(self.event, "bizStep", None) or self.event.type
        return step

    def transaction(self, *kinds: str) -> str | None:
        """Return the first business transaction of the first of some types that the event has."""
        for kind in kinds:
            for item in self.event.listed("bizTransactionList"):
                if TRANSACTION_TYPE.bare(item.type or "") == kind:
                    return str(item.bizTransaction)[:TEXT_MAX]
        return None

    @property
    def supplier(self) -> str | None:
        """Return whom the goods were taken over from."""
        for kind in ("possessing_party", "owning_party"):
            for address in _parties(self.event, "source", kind):
                return address[:TEXT_MAX]
        return None

    @property
    def expires_on(self) -> str | None:
        """Return the day on which the goods expire, if it is told as a day."""
        given = self.ilmd.get("itemExpirationDate", "")
        try:
            return date.fromisoformat(given).isoformat()
        except ValueError:
            return None


def places_of(event: AnyEvent, movement: Movement) -> list[str]:
    """Return where the stock is that an event changes, the likeliest first.

    What comes in is at bizLocation afterwards; what goes out was at readPoint before.
    """
    if not isinstance(event, Event):
        return []
    location = [event.bizLocation.id] if event.bizLocation else []
    point = [event.readPoint.id] if event.readPoint else []
    if kind_of(movement).observes:
        return location + point
    if brings_in(movement):
        return location + point + destinations_of(event)
    return point + location + _parties(event, "source", "location")


def destinations_of(event: AnyEvent) -> list[str]:
    """Return where goods go to."""
    return _parties(event, "destination", "location")


def _parties(event: AnyEvent, name: str, kind: str) -> list[str]:
    """List the addresses of the sources or destinations of one type."""
    items = event.listed(f"{name}List")
    return [getattr(item, name) for item in items if PLACE_TYPE.bare(item.type) == kind]
