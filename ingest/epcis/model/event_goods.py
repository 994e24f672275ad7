"""The goods that an event names, and what it tells of goods that begin."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from msgspec import UnsetType

from ingest.epcis.identifiers.epc import canonical, identify
from ingest.epcis.identifiers.schemes import GTIN_KEY
from ingest.epcis.model.event_parts import QuantityElement
from ingest.epcis.model.goods import Goods, Role, class_uri, sum_goods
from ingest.epcis.model.models import AnyEvent, ObjectEvent, TransactionEvent, TransformationEvent
from ingest.epcis.model.values import quantity_of


@dataclass(frozen=True)
class Named:
    """What an event names in one role, before containers are opened."""

    role: Role
    epcs: Sequence[str]
    quantities: Sequence[QuantityElement]


def named_in(event: AnyEvent) -> list[Named]:
    """The things and amounts that an event names; each thing once, however often and in which spelling."""
    if isinstance(event, ObjectEvent | TransactionEvent):
        return [_named("object", event.epcList, event.quantityList)]
    if isinstance(event, TransformationEvent):
        return [
            _named("input", event.inputEPCList, event.inputQuantityList),
            _named("output", event.outputEPCList, event.outputQuantityList),
        ]
    return []


def _named(
    role: Role, epcs: Sequence[str] | UnsetType, quantities: Sequence[QuantityElement] | UnsetType
) -> Named:
    return Named(role, distinct(epcs or ()), quantities or ())


def distinct(epcs: Iterable[str]) -> list[str]:
    """Each identifier once, in its first spelling."""
    first: dict[str, str] = {}
    for epc in epcs:
        first.setdefault(canonical(epc), epc)
    return list(first.values())


def goods_of(event: AnyEvent) -> list[Goods]:
    """List the goods that an event names itself, each class and lot once, in an order that depends on it alone.

    Containers, assets and other things that are no trade items are left out: they are not stock.
    """
    return sum_goods(goods for named in named_in(event) for goods in goods_named(named))


def goods_named(named: Named) -> Iterator[Goods]:
    """The trade items among what is named; one by one."""
    for epc in named.epcs:
        goods = _instance(named.role, epc)
        if goods is not None:
            yield goods
    for element in named.quantities:
        yield _class(named.role, element)


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
    given = element.quantity
    quantity = None if isinstance(given, UnsetType) else quantity_of(given)
    fault: tuple[str, str] | None = None
    if gtin is not None and found is not None and not found.is_valid:
        fault = _wrong_digit(element.epcClass)
    elif isinstance(given, UnsetType):
        fault = (
            "quantity_missing",
            f"The event does not tell how much there is of {element.epcClass[:200]}.",
        )
    elif quantity is None:
        fault = ("quantity", f"The quantity of {element.epcClass[:200]} is too large or too fine.")
    lot = found.lot if found is not None else None
    return Goods(role, class_uri(element.epcClass), gtin, lot, unit, quantity, fault)


def _wrong_digit(uri: str) -> tuple[str, str]:
    return ("check_digit", f"The check digit of {uri[:200]} is wrong.")


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
