"""Goods: of each class of things how many or how much, and which way they went."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

import msgspec

from ingest.epcis.identifiers.epc import canonical

Role = Literal["object", "input", "output"]
# Of the hash that tells an event's movements apart: 80 bits.
DIGITS = 20


@dataclass(frozen=True)
class Goods:
    """So much of one class. gtin: 14 digits, None for a class that GS1 did not number.

    uri: the class as the event names it. quantity: None where the event does not tell; unit: None for pieces.
    fault: why this can be no stock of a product, if it cannot. contained: it came in a container that is named.
    """

    role: Role
    uri: str
    gtin: str | None
    lot: str | None
    unit: str | None
    quantity: Decimal | None
    fault: tuple[str, str] | None = None
    contained: bool = False

    @property
    def class_key(self) -> str:
        """The class in one spelling."""
        return self.gtin or canonical(self.uri)

    @property
    def key(self) -> tuple[str, ...]:
        """What is one movement: role, class, lot, unit, and what is wrong with it."""
        within = "contained" if self.contained else ""
        reason = self.fault[0] if self.fault else ""
        return (self.role, self.class_key, self.lot or "", self.unit or "", reason, within)

    @property
    def digest(self) -> str:
        """A short name of this movement within its event: it depends on what the goods are, not on their place."""
        return _digest(self.key)

    @property
    def counted(self) -> "Goods":
        """The same as one counts it: a count is of a class, whatever its lots and containers."""
        return replace(self, lot=None, contained=False)

    @property
    def count_digest(self) -> str:
        """A short name of the count of this class: never that of a movement."""
        return _digest(("count", *self.counted.key))


def _digest(key: tuple[str, ...]) -> str:
    return hashlib.sha256(msgspec.json.encode(key)).hexdigest()[:DIGITS]


def sum_goods(several: Iterable[Goods]) -> list[Goods]:
    """Add up what is one movement, in the order of what the goods are."""
    sums: dict[tuple[str, ...], Goods] = {}
    for goods in several:
        before = sums.get(goods.key)
        sums[goods.key] = goods if before is None else _sum(before, goods)
    return [sums[key] for key in sorted(sums)]


def _sum(first: Goods, second: Goods) -> Goods:
    known = first.quantity is not None and second.quantity is not None
    quantity = first.quantity + second.quantity if known else None  # type: ignore[operator]
    # of two spellings of one class the smaller is shown, whichever came first
    return replace(first, uri=min(first.uri, second.uri), quantity=quantity)


def class_uri(uri: str) -> str:
    """The class that an EPC URN is one of, as URN; other addresses as they are."""
    for scheme in ("urn:epc:id:sgtin:", "urn:epc:class:lgtin:"):
        if uri.startswith(scheme):
            company, _, rest = uri.removeprefix(scheme).partition(".")
            return f"urn:epc:idpat:sgtin:{company}.{rest.partition('.')[0]}.*"
    return uri


def gtin_spellings(gtin: str) -> list[str]:
    """All ways in which people write one GTIN: 14 digits, and fewer where it begins with zeros."""
    lengths = (14, 13, 12, 8)
    return [gtin[-length:] for length in lengths if not gtin[:-length].strip("0")]
