"""Shopify's inventory export as stocktakes: what may be sold at each location at the time of the export.

A sale lowers stock when it is made, so what is committed to orders that are not sent yet is sold already: counted is
what is available. Below zero, more was sold than there is; then nothing is there.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from pathlib import Path

from ingest.shopify.codes import code_of, has_sku, short, variant_name
from ingest.shopify.rows import BadCell, Export, Refused, Row, utc_text
from ingest.shopify.sales import Draft
from stocktide.domain.kinds import STOCKTAKE

NOT_STOCKED = "not stocked"
HASH_LETTERS = 16
# Columns that are no location in the older form, which has a column for each.
NO_LOCATION = ("option1 name", "option2 name", "option3 name", "option1 linked to", "option2 linked to",
               "option3 linked to", "bin name", "incoming", "on hand, typed", "tags", "vendor", "type")  # fmt: skip


@dataclass
class Counts:
    """Counted units by location and code. names: of products by code; oversold: places below zero.

    rows: that went in; not_stocked: of these, or of their cells, that are of no stock.
    """

    units: defaultdict[tuple[str, str], Decimal] = field(
        default_factory=lambda: defaultdict(Decimal)
    )
    places: dict[tuple[str, str], str] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    on_hand: Counter[str] = field(default_factory=Counter)
    oversold: int = 0
    not_stocked: int = 0
    without_sku: set[str] = field(default_factory=set)
    refused: list[Refused] = field(default_factory=list)


def read_counts(export: Export, *, skipped: set[str]) -> Counts:
    """Read an inventory export, in its form with a row or with a column for each location. skipped: gift cards."""
    found = Counts()
    for row in export.rows:
        code = code_of(row.text("sku"), variant_name(row))
        if not code or code in skipped:
            found.not_stocked += 1
            continue
        if not has_sku(row.text("sku")):
            found.without_sku.add(code)
        found.names.setdefault(code, variant_name(row))
        try:
            for location, cell in _cells(export, row):
                _count(found, row, location, code, cell)
        except BadCell as bad:
            found.refused.append(Refused(row.raw, bad.fault))
    return found


def drafts_of(counts: Counts, key: str, at: datetime) -> Iterator[Draft]:
    """Yield stocktakes. key: of the export."""
    for (location, code), units in sorted(counts.units.items()):
        data = {"product": code, "location": location, "counted": f"{max(units, Decimal(0)):f}"}
        place = counts.places[location, code]
        # as JSON, for either may hold whatever would join them
        pair = short(json.dumps([location, code], ensure_ascii=False))
        yield Draft(f"{key}:{pair}", STOCKTAKE, utc_text(at), data, place)


def content_key(path: Path) -> str:
    """Return what tells the content of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:HASH_LETTERS]


def _cells(export: Export, row: Row) -> Iterator[tuple[str, str]]:
    """Yield each location with the column that counts there."""
    if "location" in export.layout.places(export.names):
        if (location := row.text("location")) is None:
            raise row.bad("missing_field", "location", "'location' is empty.")
        yield location, "available" if row.text("available") else "on hand"
        return
    from ingest.shopify.headers import plain

    for name in export.others:
        if plain(name) not in NO_LOCATION:
            yield name, name


def _count(found: Counts, row: Row, location: str, code: str, column: str) -> None:
    said = row.text(column)
    if said is None or said.casefold() == NOT_STOCKED:
        found.not_stocked += 1
        return
    units = row.number_in(column)
    if column == "on hand":
        units -= row.number_in("committed", Decimal(0)) + row.number_in("unavailable", Decimal(0))
    found.oversold += units < 0
    found.units[location, code] += units
    found.places.setdefault((location, code), row.place)
    found.on_hand[location] += int(max(units, Decimal(0)))


def fullest(counts: Sequence[Counts]) -> str | None:
    """Return the location with most units, the first by name of equals; None without any."""
    units: Counter[str] = Counter()
    for one in counts:
        units.update({location: 0 for location, _ in one.units})
        units.update(one.on_hand)
    return min(units, key=lambda name: (-units[name], name), default=None)
