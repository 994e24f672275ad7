"""Files of exports read together: each says what the others leave open, such as the currency of prices."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from ingest.shopify.catalogue import Catalogue, read_catalogue
from ingest.shopify.headers import (
    INVENTORY,
    ORDERS,
    PRODUCTS,
    PURCHASES,
    SUPPLIERS,
    files_of,
    is_export,
    natural,
)
from ingest.shopify.inventory import Counts, content_key, fullest, read_counts
from ingest.shopify.orders import Orders, read_orders
from ingest.shopify.purchases import Purchases, read_purchases
from ingest.shopify.rows import Export, Refused, read_export
from ingest.shopify.sales import Sales, sales_of
from ingest.shopify.suppliers import Told, read_suppliers
from stocktide.foundation.errors import Invalid

ONLINE = "Online"


class Options(NamedTuple):
    """What exports do not say.

    timezone: of days and times without an offset, and of new locations. online: where what is sold online leaves from.
    counted_at: when the inventory was exported; the time at which its file was written, where it is left out. shop: a
    name that tells the orders of several shops apart.
    """

    timezone: str = "UTC"
    online: str | None = None
    counted_at: datetime | None = None
    shop: str | None = None

    def source(self, what: str) -> str:
        """Return the source of events."""
        return f"/shopify/{self.shop}/{what}" if self.shop else f"/shopify/{what}"


class Known(NamedTuple):
    """What is known before: where online sales left from so far, where most stock is, and the currency of the chain."""

    online: str | None = None
    fullest: str | None = None
    currency: str | None = None


class Counted(NamedTuple):
    """An inventory export. file: its name; key: of its content; at: when it was exported."""

    file: str
    counts: Counts
    key: str
    at: datetime


@dataclass
class Exports:
    """All that was read."""

    files: Sequence[Export]
    catalogue: Catalogue
    orders: Orders
    sales: Sales
    inventories: list[Counted]
    purchases: Purchases
    suppliers: Told
    online: str
    currency: str | None
    before: Known
    skipped: Sequence[str] = ()

    @property
    def refused(self) -> list[Refused]:
        """Return all that is refused before it is an event."""
        found = [one for file in self.files for one in file.refused]
        parts = (self.catalogue, self.orders, self.purchases, self.suppliers)
        found += [one for part in parts for one in part.refused]
        return found + [one for counted in self.inventories for one in counted.counts.refused]

    @property
    def places(self) -> set[str]:
        """Return the locations that events name."""
        sold = {str(draft.data["location"]) for sale in self.sales.sales for draft in sale.drafts}
        counted = {place for one in self.inventories for place, _ in one.counts.units}
        return sold | counted | {line.location for line in self.purchases.lines}

    @property
    def codes(self) -> dict[str, str]:
        """Return the products that events name, each with a name."""
        found = {sale.line.code: sale.line.name for sale in self.sales.sales}
        found |= self.purchases.names
        for counted in self.inventories:
            found |= {code: counted.counts.names[code] for _, code in counted.counts.units}
        return found


def read_exports(paths: Sequence[Path], options: Options, known: Known) -> Exports:
    """Read files and folders. Raises Invalid for one that is no known export."""
    found = sorted(files_of(paths), key=lambda one: natural(one[0]))
    skipped = [path.name for path, is_named in found if not is_named and not is_export(path)]
    files = [read_export(path) for path, is_named in found if is_named or path.name not in skipped]
    if not files:
        raise Invalid("file_missing", f"{paths[0]}: no file there is an export that is known.")
    of = {
        kind: [file for file in files if file.layout.kind == kind]
        for kind in (ORDERS, PRODUCTS, INVENTORY, PURCHASES, SUPPLIERS)
    }
    orders = read_orders(of[ORDERS], options.timezone)
    currencies = Counter(order.currency for order in orders.orders).most_common(1)
    currency = currencies[0][0] if currencies else known.currency
    catalogue = read_catalogue(of[PRODUCTS], currency)
    inventories = [_counted(file, catalogue, options) for file in of[INVENTORY]]
    counts = [counted.counts for counted in inventories]
    # a place that was made up for want of stock gives way to one that has some
    before = None if known.online == ONLINE else known.online
    online = options.online or before or fullest(counts) or known.fullest or ONLINE
    return Exports(
        files,
        catalogue,
        orders,
        sales_of(orders.orders, gift_cards=catalogue.gift_cards, location=online),
        inventories,
        read_purchases(of[PURCHASES], zone=options.timezone, location=online, currency=currency),
        read_suppliers(of[SUPPLIERS], currency),
        online,
        currency,
        known,
        skipped,
    )


def _counted(file: Export, catalogue: Catalogue, options: Options) -> Counted:
    key = content_key(file.path)
    if options.counted_at is not None:
        key = f"{key}:{options.counted_at.astimezone(UTC):%Y%m%dT%H%M%S}"
    written = datetime.fromtimestamp(file.path.stat().st_mtime, UTC)
    counts = read_counts(file, skipped=catalogue.gift_cards)
    return Counted(file.path.name, counts, key, options.counted_at or written)
