"""What events need before they come: products and locations; and the terms of buying that exports tell of."""

from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.files.importing import described
from ingest.files.struct_rows import in_calls
from ingest.ledger.announcement import announce
from ingest.ledger.dimensions import LocationIn, ProductIn, put_locations, put_products
from ingest.recording.recording import Recorder
from ingest.shopify.buying import put_terms
from ingest.shopify.purchases import newest_offers, ranked
from ingest.shopify.reading import Exports, Known
from ingest.shopify.report import Report
from stocktide.foundation.database import statement

# The attribute of the location from which online sales leave: later imports go by it.
SELLS_ONLINE = "sells_online"


def products_of(exports: Exports) -> dict[str, ProductIn]:
    """Return all products that are told of or named by events."""
    named = {code: ProductIn(code, name=name[:200] or None) for code, name in exports.codes.items()}
    sold = {code: ProductIn(code) for _, code in exports.suppliers.sold}
    return {**sold, **named, **exports.catalogue.products}


def make_known(connection: sa.Connection, exports: Exports, zone: str, report: Report) -> None:
    """Create and describe products and locations. A product that is known keeps its name if only an order tells it."""
    products = products_of(exports)
    query = sa.text("SELECT sku, currency FROM products WHERE sku = ANY(:skus)")
    known: dict[str, str | None] = {
        row.sku: row.currency for row in connection.execute(query, {"skus": list(products)})
    }
    told = []
    for code, product in products.items():
        if code in known and code not in exports.catalogue.products:
            continue
        if product.currency is not None and known.get(code) not in (None, product.currency):
            product.price = product.currency = None
            report.notes.append(
                f"{code!r} is priced in {known[code]}; its price here is not taken."
            )
        told.append(msgspec.to_builtins(product))
    sound = described(told, ProductIn)
    for part in in_calls(sound):
        announce(connection, put_products(connection, part))
    places: list[dict[str, Any]] = [{"code": place} for place in sorted(exports.places)]
    if exports.orders.orders:
        others = {exports.before.online} - {exports.online, None}
        places = [place for place in places if place["code"] not in {exports.online, *others}]
        places.append({"code": exports.online, "attributes": {SELLS_ONLINE: True}})
        places += [{"code": place, "attributes": {SELLS_ONLINE: False}} for place in others]
    put_locations(connection, described(places, LocationIn), new_zone=zone)
    report.products, report.locations = len(sound), len(places)


def put_all_terms(connection: sa.Connection, exports: Exports, report: Report) -> None:
    """Record who sells what, by suppliers files, purchase orders and vendors."""
    offers = newest_offers(exports.purchases.lines)
    bought = {product for _, product in offers} | {product for _, product in exports.suppliers.sold}
    vendors = {
        key: offer
        for key, offer in exports.catalogue.offers.items()
        # a supplier's own row may leave the cost to the product
        if offer.product not in bought or key in exports.suppliers.sold
    }
    report.terms, wrong = put_terms(
        connection, exports.suppliers, offers, vendors, ranked(offers.values())
    )
    report.notes += wrong


def known_before(recorder: Recorder) -> Known:
    """Return what earlier imports left."""
    query = sa.text(
        "SELECT code FROM locations WHERE attributes -> :name = 'true' ORDER BY location_id LIMIT 1"
    )
    with recorder.engine.connect() as connection:
        online = connection.execute(query, {"name": SELLS_ONLINE}).scalar_one_or_none()
        fullest = connection.execute(statement("ingest/fullest_location")).scalar_one_or_none()
    return Known(online, fullest, recorder.settings.currency)
