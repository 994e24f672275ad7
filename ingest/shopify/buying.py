"""Suppliers and what they sell as terms of buying; what people recorded themselves is left alone."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.ledger.dimensions import PRODUCTS, look_up
from ingest.shopify.catalogue import Offer
from ingest.shopify.suppliers import Told
from ingest.terms import kind_of, list_rows, put_rows
from ingest.terms.shapes import SupplierIn, SupplierProductIn
from ingest.versions.kinds import Kind

# Who recorded the terms that an import may change again.
BY = "import shopify"
PAGE = 1_000
CALL = 5_000


def put_terms(
    connection: sa.Connection,
    told: Told,
    bought: Mapping[tuple[str, str], Offer],
    vendors: Mapping[tuple[str, str], Offer],
    ranks: Mapping[tuple[str, str], int],
) -> tuple[dict[str, int], list[str]]:
    """Record suppliers and what they sell, as far as nobody else has; returns counts, and what is not recorded and why.

    bought: who sells what by purchase orders, with their `ranks`. vendors: the same by the products' vendors, where no
    order tells it; a vendor comes in where the product has no supplier yet.
    """
    known = _in_force(connection, "supplier-products", ("supplier", "product"))
    has_supplier = {product for _, product in known}
    fresh = {k: v for k, v in vendors.items() if k in known or v.product not in has_supplier}
    offers = {**bought, **fresh}
    suppliers = dict(told.suppliers)
    for supplier, _ in [*told.sold, *offers]:
        suppliers.setdefault(supplier, SupplierIn(supplier=supplier))
    named = set(told.suppliers)
    people = _in_force(connection, "suppliers", ("supplier",))
    rows = [
        row
        for name, row in suppliers.items()
        if (name,) not in people or (name in named and _is_ours(people[name,]))
    ]
    sold = {key: _of_offer(offer, ranks.get(key, 1)) for key, offer in offers.items()}
    for key, row in told.sold.items():
        if row.price is None and key in sold:
            row.price, row.currency = sold[key].price, sold[key].currency
        elif row.price is None and key in known:
            row.price, row.currency = known[key]["price"], known[key]["currency"]
        sold[key] = row
    taken = {product for (_, product), row in known.items() if not _is_ours(row)}
    sellable = [row for row in sold.values() if row.product not in taken]
    wrong: list[str] = []
    done = {"suppliers": _put(connection, "suppliers", rows, wrong)}
    recorded = {name for (name,) in _in_force(connection, "suppliers", ("supplier",))}
    products = look_up(connection, PRODUCTS, [row.product for row in sellable])
    sellable = [row for row in sellable if row.supplier in recorded and row.product in products]
    done["supplier-products"] = _put(connection, "supplier-products", sellable, wrong)
    return {name: count for name, count in done.items() if count}, wrong


def _of_offer(offer: Offer, rank: int) -> SupplierProductIn:
    price = None if offer.cost is None else f"{offer.cost:f}"
    return SupplierProductIn(
        supplier=offer.supplier,
        product=offer.product,
        price=price,
        currency=None if price is None else offer.currency,
        rank=min(rank, 99),
    )


def _put(connection: sa.Connection, kind: str, rows: Sequence[Any], wrong: list[str]) -> int:
    """Put sound rows; returns how many are new or changed. wrong: takes what is not sound, and why."""
    of, now = kind_of(kind), datetime.now(UTC)
    sound = []
    for row in rows:
        if (why := _fault(of, row, now)) is None:
            sound.append(row)
        else:
            wrong.append(f"{kind} of {row.supplier!r} not recorded: {why}")
    done = 0
    for start in range(0, len(sound), CALL):
        part = sound[start : start + CALL]
        # a file without a column takes nothing back of what another one said
        told = [
            {name for name, value in row.items() if value is not None}
            for row in map(msgspec.to_builtins, part)
        ]
        put = put_rows(connection, of, part, by=BY, told=told)
        done += put.recorded + put.changed
    return done


def _fault(kind: Kind, row: Any, now: datetime) -> str | None:
    """Return what is wrong with a row, or None."""
    try:
        msgspec.convert(msgspec.to_builtins(row), kind.shape, strict=False)
    except msgspec.ValidationError as error:
        return f"{error}."
    return next((f"{field}: {why}" for _, field, why in kind.faults_of(row, now)), None)


def _is_ours(row: Mapping[str, Any]) -> bool:
    return bool(row["recorded_by"] == BY)


def _in_force(
    connection: sa.Connection, kind: str, fields: tuple[str, ...]
) -> dict[tuple[str, ...], dict[str, Any]]:
    """Return the rows that are in force, by their keys."""
    found: dict[tuple[str, ...], dict[str, Any]] = {}
    of, after = kind_of(kind), 0
    while rows := list_rows(connection, of, after=after, limit=PAGE):
        found |= {tuple(row[name] for name in fields): row for row in rows}
        after = rows[-1][of.number]
    return found
