"""What the products and locations of the ledger are called in EPCIS."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import sqlalchemy as sa

from ingest.epcis.identifiers.epc import canonical, gln_of, key_of
from ingest.epcis.identifiers.identifier import Identifier
from ingest.epcis.identifiers.schemes import GLN_KEY, GTIN_KEY
from ingest.epcis.model.goods import Goods, gtin_spellings
from stocktide.foundation.database import statement

# What the ledger takes as a code.
CODE_MAX = 100
# Of a GLN and of another address, what epcis_place_key takes.
GLN_KEY_DIGITS, PLACE_KEY_MAX = 12, 300


@dataclass(frozen=True)
class Product:
    """A product that the ledger knows."""

    sku: str
    unit: str


@dataclass(frozen=True)
class Directory:
    """Products by SKU and by GTIN (14 digits), locations by every address that they are known by."""

    by_sku: Mapping[str, Product]
    by_gtin: Mapping[str, Sequence[Product]]
    locations: Mapping[str, str]

    def products_of(self, goods: Goods) -> Sequence[Product]:
        """Find what an event calls by a class: its SKU first, then the attribute gtin; several if that is not clear."""
        for code in _codes_of(goods):
            if code in self.by_sku:
                return (self.by_sku[code],)
        return self.by_gtin.get(goods.gtin, ()) if goods.gtin is not None else ()

    def location_of(self, places: Iterable[str]) -> str | None:
        """Find the first of some places that is known; a place within a numbered one counts as that one."""
        for place in places:
            for address in _addresses_of(place):
                if address in self.locations:
                    return self.locations[address]
        return None


def read_directory(
    connection: sa.Connection, goods: Sequence[Goods], places: Sequence[str]
) -> Directory:
    """Look up what some events name."""
    codes = sorted({code for item in goods for code in _codes_of(item)})
    gtins = sorted({item.gtin for item in goods if item.gtin is not None})
    by_sku: dict[str, Product] = {}
    by_gtin: dict[str, list[Product]] = {}
    binds = {"codes": codes, "gtins": gtins}
    for row in connection.execute(statement("ingest/epcis/products"), binds):
        product = Product(row.sku, row.unit)
        by_sku[row.sku] = product
        if row.gtin is not None:
            by_gtin.setdefault(row.gtin, []).append(product)
    return Directory(by_sku, by_gtin, _locations(connection, places))


def _locations(connection: sa.Connection, places: Sequence[str]) -> dict[str, str]:
    keys = sorted({key for place in places for key in _keys_of(place)})
    found: dict[str, str] = {}
    for row in connection.execute(statement("ingest/epcis/locations"), {"keys": keys}):
        # a code counts before an attribute of another location
        for name in (row.sgln, row.gln):
            if name:
                found.setdefault(canonical(name), row.code)
        found[row.code] = found[canonical(row.code)] = row.code
    return found


def _keys_of(place: str) -> list[str]:
    """Return what a place is looked up by, as the database's epcis_place_key has it."""
    gln = gln_of(place)
    if gln is not None:
        return [gln[:GLN_KEY_DIGITS]]
    return [place[:PLACE_KEY_MAX], canonical(place)[:PLACE_KEY_MAX]]


def _codes_of(goods: Goods) -> list[str]:
    codes = [goods.uri, canonical(goods.uri)]
    if goods.gtin is not None:
        codes = [*gtin_spellings(goods.gtin), *codes, Identifier(GTIN_KEY, goods.gtin).uri]
    return codes


def _addresses_of(place: str) -> list[str]:
    addresses = [place, canonical(place)]
    gln = gln_of(place)
    if gln is not None:
        keys = (key_of(place) or GLN_KEY, GLN_KEY)
        addresses += [*(Identifier(key, gln).uri for key in keys), gln]
    return addresses


def product_code(goods: Goods) -> str:
    """Return what an unknown product would be called: its GTIN, or the class as it is."""
    return (goods.gtin or goods.uri)[:CODE_MAX]


def location_code(place: str) -> str:
    """Return what an unknown location would be called: its address, without the place within it."""
    return (gln_of(place) or place)[:CODE_MAX]
