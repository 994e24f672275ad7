"""What is wrong with a movement before the ledger is asked, and which of its fields nobody can trust."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

from ingest.epcis.model.goods import Goods
from ingest.epcis.movements.directory import Product
from ingest.epcis.movements.rules import Movement, kind_of
from stocktide.domain.units import CODES, EACH, converted, factor, short_name

# A stable reason, a sentence for people, and the field of the CloudEvent that nobody can trust.
Wrong = tuple[str, str, str | None]
# Which field is in doubt for what is wrong with the goods themselves.
IN_DOUBT = {
    "check_digit": "product",
    "no_class": "product",
    "container_unknown": "product",
    "quantity": "quantity",
    "quantity_missing": "quantity",
}


def counted(goods: Goods, product: Product | None) -> tuple[Decimal, str | None, list[Wrong]]:
    """Return how much of a product there is, the unit if the ledger has to convert it, and what is wrong with them.

    The ledger converts packs, which are the product's own.
    """
    quantity = Decimal(0) if goods.quantity is None else goods.quantity
    if product is None:
        return quantity, short_name(goods.unit), []
    by = factor(goods.unit or EACH, product.unit, {})
    if by is None and goods.unit is not None and goods.unit not in CODES:
        return quantity, goods.unit, []
    if by is None:
        message = (
            f"The event counts {goods.uri[:200]} in {goods.unit or 'pieces'}, "
            f"the product {product.sku!r} is kept in {product.unit!r}."
        )
        return quantity, None, [("unit", message, "quantity")]
    if by == 1:
        return quantity, None, []
    thousandths = converted(Fraction(quantity) * 1000, by)
    if thousandths is None:
        message = (
            f"{quantity} {goods.unit or 'pieces'} of {goods.uri[:200]} cannot be kept exactly: "
            f"in {product.unit!r} it has more than 3 decimals."
        )
        return quantity, goods.unit, [("too_precise", message, "quantity")]
    return Decimal(thousandths).scaleb(-3), None, []


def goods_wrongs(goods: Goods, products: Sequence[Product], location: str) -> list[Wrong]:
    """List what is wrong with the goods, their product and their place."""
    wrongs: list[Wrong] = []
    if goods.fault is not None:
        wrongs.append((*goods.fault, IN_DOUBT[goods.fault[0]]))
    if goods.quantity is None and goods.fault is not None:
        wrongs.append((*goods.fault, "quantity"))
    if len(products) > 1:
        names = ", ".join(repr(product.sku) for product in products[:5])
        message = f"GTIN {goods.gtin} is the attribute of several products: {names}."
        wrongs.append(("ambiguous_product", message, "product"))
    if not location:
        wrongs.append(
            ("no_location", "The event tells neither bizLocation nor readPoint.", "location")
        )
    return wrongs


def transit_wrongs(movement: Movement, more: Mapping[str, str]) -> list[Wrong]:
    """List what goods in transit lack."""
    wrongs: list[Wrong] = []
    kind = kind_of(movement)
    if len(kind.legs) > 1 and "to_location" not in more:
        message = (
            f"A {kind.name} needs a destination of type location in the event's destinationList."
        )
        wrongs.append(("no_destination", message, "to_location"))
    if "in_transit" in (kind.opens, kind.closes) and "transfer_id" not in more:
        message = "What is in transit is followed by a transaction of type desadv, po or bol; the event has none."
        wrongs.append(("no_transaction", message, "transfer_id"))
    return wrongs
