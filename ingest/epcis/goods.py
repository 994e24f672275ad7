"""What an event says of goods: for each class of things, how many or how much, and which way they went."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from msgspec import UnsetType

from ingest.epcis.epc import identify
from ingest.epcis.identifier import GTIN_KEY
from ingest.epcis.models import AnyEvent, ObjectEvent, TransactionEvent, TransformationEvent
from ingest.epcis.parts import QuantityElement

Role = Literal["object", "input", "output"]
# Beyond this nobody counts goods: such a number is a mistake, and arithmetic on it could fill memory.
QUANTITY_MAX = Decimal(10) ** 30


@dataclass(frozen=True)
class Goods:
    """So much of one class. gtin: 14 digits, None for a class that GS1 did not number.

    uri: the class as the event names it. quantity: None where the event does not tell; unit: None for pieces.
    fault: why this can be no stock of a product, if it cannot.
    """

    role: Role
    uri: str
    gtin: str | None
    lot: str | None
    unit: str | None
    quantity: Decimal | None
    fault: tuple[str, str] | None = None


def goods_of(event: AnyEvent) -> list[Goods]:
    """List the goods of an event, each class and lot once, in an order that depends on the event alone.

    Containers, assets and other things that are no trade items are left out: they are not stock.
    """
    sums: dict[tuple[str, ...], Goods] = {}
    for goods in _all(event):
        key = tuple(
            str(part)
            for part in (goods.role, goods.gtin or goods.uri, goods.lot, goods.unit, goods.fault)
        )
        before = sums.get(key)
        sums[key] = goods if before is None else _sum(before, goods)
    return [sums[key] for key in sorted(sums)]


def _sum(first: Goods, second: Goods) -> Goods:
    known = first.quantity is not None and second.quantity is not None
    quantity = first.quantity + second.quantity if known else None  # type: ignore[operator]
    # of two spellings of one class the smaller is shown, whichever came first
    uri = min(first.uri, second.uri)
    return Goods(first.role, uri, first.gtin, first.lot, first.unit, quantity, first.fault)


def _all(event: AnyEvent) -> Iterator[Goods]:
    if isinstance(event, ObjectEvent | TransactionEvent):
        yield from _of("object", event.epcList, event.quantityList)
    elif isinstance(event, TransformationEvent):
        yield from _of("input", event.inputEPCList, event.inputQuantityList)
        yield from _of("output", event.outputEPCList, event.outputQuantityList)


def _of(
    role: Role,
    epcs: Sequence[str] | UnsetType,
    quantities: Sequence[QuantityElement] | UnsetType,
) -> Iterator[Goods]:
    for epc in epcs or ():
        goods = _instance(role, epc)
        if goods is not None:
            yield goods
    for element in quantities or ():
        yield _class(role, element)


def _instance(role: Role, epc: str) -> Goods | None:
    found = identify(epc)
    if found is None or found.key == "8006":
        fault = ("no_class", f"{epc[:200]} does not tell which product it is one of.")
        return Goods(role, epc, None, None, None, Decimal(1), fault)
    if found.key != GTIN_KEY:
        return None
    wrong = None if found.is_valid else _wrong_digit(epc)
    return Goods(role, class_uri(epc), found.value, found.lot, None, Decimal(1), wrong)


def _class(role: Role, element: QuantityElement) -> Goods:
    found = identify(element.epcClass)
    gtin = found.value if found is not None and found.key == GTIN_KEY else None
    unit = element.uom if isinstance(element.uom, str) else None
    quantity = None if isinstance(element.quantity, UnsetType) else Decimal(element.quantity)
    fault: tuple[str, str] | None = None
    if gtin is not None and found is not None and not found.is_valid:
        fault = _wrong_digit(element.epcClass)
    elif quantity is None:
        fault = (
            "quantity_missing",
            f"The event does not tell how much there is of {element.epcClass[:200]}.",
        )
    elif abs(quantity) > QUANTITY_MAX:
        fault, quantity = (
            ("too_large", f"The quantity of {element.epcClass[:200]} is out of range."),
            None,
        )
    lot = found.lot if found is not None else None
    return Goods(role, class_uri(element.epcClass), gtin, lot, unit, quantity, fault)


def _wrong_digit(uri: str) -> tuple[str, str]:
    return ("check_digit", f"The check digit of {uri[:200]} is wrong.")


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


def ilmd_of(event: AnyEvent, prefixes: Mapping[str, str]) -> dict[str, str]:
    """The lot and the expiry that go with objects that begin, by their names in the vocabulary of master data."""
    ilmd = getattr(event, "ilmd", None)
    if not isinstance(ilmd, dict):
        return {}
    found: dict[str, str] = {}
    for name, value in ilmd.items():
        prefix, _, local = name.partition(":")
        if isinstance(value, str) and prefixes.get(prefix, "").startswith("urn:epcglobal:cbv:mda"):
            found[local] = value
    return found
