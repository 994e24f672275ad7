"""Goods: of each class of things that an event names how many or how much, and which way they went."""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Literal

import msgspec
from msgspec import UnsetType

from ingest.epcis.identifiers.epc import canonical, identify
from ingest.epcis.identifiers.schemes import GTIN_KEY, PIECE_KEY
from ingest.epcis.model.event_parts import QuantityElement
from ingest.epcis.model.models import AnyEvent
from ingest.epcis.model.values import quantity_of

Role = Literal["object", "input", "output"]
# In which lists an event names the things and the amounts of each role.
LISTS: Mapping[Role, tuple[str, str]] = {
    "object": ("epcList", "quantityList"),
    "input": ("inputEPCList", "inputQuantityList"),
    "output": ("outputEPCList", "outputQuantityList"),
}
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
    gtin: str | None = None
    lot: str | None = None
    unit: str | None = None
    quantity: Decimal | None = Decimal(1)
    fault: tuple[str, str] | None = None
    contained: bool = False

    @property
    def class_key(self) -> str:
        """Return the class in one spelling."""
        return self.gtin or canonical(self.uri)

    @property
    def key(self) -> tuple[str, ...]:
        """Return what is one movement: role, class, lot, unit, and what is wrong with it."""
        within = "contained" if self.contained else ""
        reason = self.fault[0] if self.fault else ""
        return (self.role, self.class_key, self.lot or "", self.unit or "", reason, within)

    @property
    def digest(self) -> str:
        """Return a short name of this movement within its event: it depends on what the goods are alone."""
        return _digest(self.key)

    @property
    def counted(self) -> "Goods":
        """Return the same as one counts it: a count is of a class, whatever its lots and containers."""
        return replace(self, lot=None, contained=False)

    @property
    def count_digest(self) -> str:
        """Return a short name of the count of this class: never that of a movement."""
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


@dataclass(frozen=True)
class Named:
    """What an event names in one role, before containers are opened."""

    role: Role
    epcs: Sequence[str]
    quantities: Sequence[QuantityElement] = ()

    @property
    def goods(self) -> Iterator[Goods]:
        """List the trade items among what is named, one by one."""
        yield from filter(None, (_instance(self.role, epc) for epc in self.epcs))
        yield from (_amount(self.role, element) for element in self.quantities)


def named_in(event: AnyEvent) -> list[Named]:
    """List what an event names; each thing once, however often and in which spelling."""
    return [
        Named(role, distinct(event.listed(epcs)), event.listed(quantities))
        for role, (epcs, quantities) in LISTS.items()
    ]


def distinct(epcs: Iterable[str]) -> list[str]:
    """Return each identifier once, in its first spelling."""
    first: dict[str, str] = {}
    for epc in epcs:
        first.setdefault(canonical(epc), epc)
    return list(first.values())


def goods_of(event: AnyEvent) -> list[Goods]:
    """List the goods that an event names itself, each class and lot once, in an order that depends on it alone.

    Containers, assets and other things that are no trade items are left out: they are not stock.
    """
    return sum_goods(goods for named in named_in(event) for goods in named.goods)


def _instance(role: Role, epc: str) -> Goods | None:
    found = identify(epc)
    if found is None or found.key == PIECE_KEY:
        fault = ("no_class", f"{epc[:200]} does not tell which product it is one of.")
        return Goods(role, epc, fault=fault)
    if found.key != GTIN_KEY:
        return None
    wrong = None if found.is_valid else _wrong_digit(epc)
    return Goods(role, class_uri(epc), found.value, found.lot, fault=wrong)


def _amount(role: Role, element: QuantityElement) -> Goods:
    uri, given = element.epcClass, element.quantity
    found = identify(uri)
    gtin = found.value if found is not None and found.key == GTIN_KEY else None
    quantity = None if isinstance(given, UnsetType) else quantity_of(given)
    fault: tuple[str, str] | None = None
    if gtin is not None and found is not None and not found.is_valid:
        fault = _wrong_digit(uri)
    elif isinstance(given, UnsetType):
        fault = ("quantity_missing", f"The event does not tell how much there is of {uri[:200]}.")
    elif quantity is None:
        fault = ("quantity", f"The quantity of {uri[:200]} is too large or too fine.")
    lot = found.lot if found is not None else None
    return Goods(role, class_uri(uri), gtin, lot, element.uom or None, quantity, fault)


def _wrong_digit(uri: str) -> tuple[str, str]:
    return ("check_digit", f"The check digit of {uri[:200]} is wrong.")


def class_uri(uri: str) -> str:
    """Return the class that an EPC URN is one of, as URN; other addresses unchanged."""
    for scheme in ("urn:epc:id:sgtin:", "urn:epc:class:lgtin:"):
        if uri.startswith(scheme):
            company, _, rest = uri.removeprefix(scheme).partition(".")
            return f"urn:epc:idpat:sgtin:{company}.{rest.partition('.')[0]}.*"
    return uri


def gtin_spellings(gtin: str) -> list[str]:
    """List all ways in which people write one GTIN: 14 digits, and fewer where it begins with zeros."""
    lengths = (14, 13, 12, 8)
    return [gtin[-length:] for length in lengths if not gtin[:-length].strip("0")]


def ilmd_of(event: AnyEvent, prefixes: Mapping[str, str]) -> dict[str, str]:
    """Return the lot and the expiry of objects that begin, by their names in the vocabulary of master data."""
    found: dict[str, str] = {}
    for name, value in (getattr(event, "ilmd", None) or {}).items():
        prefix, _, local = name.partition(":")
        if isinstance(value, str) and prefixes.get(prefix, "").startswith("urn:epcglobal:cbv:mda"):
            found[local] = value
    return found
