"""Products, locations and sources: how they become known, and their surrogate keys."""

import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from typing import Annotated, Any
from zoneinfo import available_timezones

import msgspec
import sqlalchemy as sa

from ingest.parsing.events import Correction, Event, Fault, StockEvent
from ingest.parsing.kinds import Currency
from ingest.parsing.numbers import MICRO
from stocktide.domain.exact_numbers import (
    INT64_MAX,
    MICRO_PLACES,
    NotExact,
    Number,
    Written,
    scaled_exactly,
    shown,
)
from stocktide.domain.units import code_of, converted, factor
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Invalid
from stocktide.foundation.stored_text import NUL_ESCAPED, is_storable_json

PUT_ROWS_MAX = 10_000
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Code = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]


class Replaced(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    """A product whose place another takes from a business day on, with a share of its demand."""

    product: Code
    from_: date = msgspec.field(name="from")
    share: Annotated[float, msgspec.Meta(gt=0, le=1)] = 1.0


class ProductIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A product as told by its owner; a field left out keeps the value it has."""

    sku: Code
    name: Label | None = None
    department: Label | None = None
    category: Label | None = None
    unit: Label | None = None
    packs: dict[Code, Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]] | None = None
    price: Number | None = None
    currency: Currency | None = None
    attributes: dict[str, str | int | float | bool | None] | None = None
    replaces: list[Replaced] | None = None


class LocationIn(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """A shop, warehouse or market as told by its owner; a field left out keeps the value it has."""

    code: Code
    name: Label | None = None
    region: Label | None = None
    country: Label | None = None
    timezone: Label | None = None
    attributes: dict[str, str | int | float | bool | None] | None = None


@dataclass(frozen=True)
class Dimension:
    """How one kind of surrogate key is looked up."""

    table: str
    code: str
    key: str


# Time zones that were looked up; there are a few hundred.
_ZONES: set[str] = set()
PRODUCTS = Dimension("products", "sku", "product_id")
LOCATIONS = Dimension("locations", "code", "location_id")
SOURCES = Dimension("sources", "source", "source_id")


def put_products(connection: sa.Connection, products: Sequence[ProductIn]) -> list[int]:
    """Create or change products; returns their ids. What they replace is left to `put_successions`.

    Raises Invalid that names the row.
    """
    rows = []
    for row, product in _distinct(products, "sku"):
        values = msgspec.structs.asdict(product)
        del values["replaces"]
        price = values.pop("price")
        if price is not None:
            micros = price_micros(price)
            if micros is None:
                raise Invalid(
                    "bad_price",
                    f"products[{row}].price: {shown(str(price))} is no price with up to 6 decimals.",
                    row=row,
                )
            values["price_micros"] = micros
        rows.append(values)
    _refuse_new_meanings(connection, rows)
    return _put(connection, "ingest/put_products", rows)


def _refuse_new_meanings(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise Invalid where a number that is kept would mean something else: in another unit, or another currency."""
    told = ("unit", "currency", "packs")
    changing = {values["sku"] for values in rows if any(values[name] for name in told)}
    if not changing:
        return
    meanings = connection.execute(statement("ingest/meanings"), {"skus": sorted(changing)})
    known = {row.sku: row for row in meanings}
    for number, values in enumerate(rows):
        old = known.get(values["sku"])
        wrong = None if old is None else _new_meaning(old, values)
        if wrong is not None:
            code, field, message = wrong
            raise Invalid(code, f"products[{number}].{field}: {message}", row=number)


def _new_meaning(old: Any, new: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return code, field and message of what a change would make false."""
    return _new_unit(old, new) or _new_pack(old, new) or _new_currency(old, new)


def _new_unit(old: Any, new: Mapping[str, Any]) -> tuple[str, str, str] | None:
    unit = new["unit"]
    if unit is None or not old.moved or code_of(unit) == code_of(old.unit):
        return None
    return (
        "unit_in_use",
        "unit",
        f"the stock of {old.sku!r} is kept in {old.unit!r} and would mean something else in {unit!r}. Events may "
        f"count in any unit that can be converted; to keep stock in {unit!r}, make a new product that `replaces` "
        "this one.",
    )


def _new_pack(old: Any, new: Mapping[str, Any]) -> tuple[str, str, str] | None:
    packs = (new["packs"] or {}).items() if old.moved else ()
    for name, size in packs:
        if old.packs.get(name, size) != size:
            return (
                "pack_in_use",
                "packs",
                f"a {name!r} of {old.sku!r} is {old.packs[name]} {old.unit}, and what was counted in it so far would "
                f"mean something else. Give a pack of {size} another name, such as '{name} of {size}'.",
            )
    return None


def _new_currency(old: Any, new: Mapping[str, Any]) -> tuple[str, str, str] | None:
    currency = new["currency"]
    if currency is None or old.currency in (None, currency):
        return None
    if old.counted_in:
        return (
            "currency_in_use",
            "currency",
            f"{old.counted_in} of {old.sku!r} that name no currency are in {old.currency} and would mean something "
            f"else in {currency}. Sell in {currency} by `price` events that name it, or make a new product that "
            "`replaces` this one.",
        )
    if old.price_micros is not None and new.get("price_micros") is None:
        return (
            "price_missing",
            "currency",
            f"the price of {old.sku!r} is in {old.currency}; give its price in {currency}, too.",
        )
    return None


def price_micros(price: Written) -> int | None:
    """Return a price in millionths; None for what is no price with up to 6 decimals."""
    try:
        micros = scaled_exactly(price, MICRO_PLACES, INT64_MAX // MICRO)
    except NotExact:
        return None
    return None if micros < 0 else micros


def put_locations(
    connection: sa.Connection, locations: Sequence[LocationIn], *, new_zone: str = "UTC"
) -> list[int]:
    """Create or change locations; returns their ids. Raises Invalid that names the row.

    new_zone: the time zone of those that are new and name none.
    """
    rows = []
    zones = _known_zones(connection, {location.timezone or new_zone for location in locations})
    for row, location in _distinct(locations, "code"):
        if (zone := location.timezone or new_zone) not in zones:
            raise Invalid(
                "bad_timezone",
                f"locations[{row}].timezone: {zone!r} is not a known time zone, such as Europe/Berlin.",
                row=row,
            )
        rows.append(msgspec.structs.asdict(location))
    return _put(connection, "ingest/put_locations", rows, new_zone=new_zone)


def _known_zones(connection: sa.Connection, zones: Set[str]) -> Set[str]:
    """Return those time zones that Python and PostgreSQL both know: days are cut by both."""
    asked = sorted((zones & available_timezones()) - _ZONES)
    if asked:
        query = sa.text("SELECT name FROM pg_timezone_names WHERE name = ANY(:zones)")
        _ZONES.update(connection.execute(query, {"zones": asked}).scalars())
    return zones & _ZONES


def _distinct(items: Sequence[Any], code: str) -> Iterable[tuple[int, Any]]:
    seen: dict[str, int] = {}
    if len(items) > PUT_ROWS_MAX:
        raise Invalid("too_many", f"{len(items)} rows; at most {PUT_ROWS_MAX} in one call.")
    for row, item in enumerate(items):
        value = getattr(item, code)
        if value in seen:
            raise Invalid(
                "repeated", f"{code} {value!r} stands in rows {seen[value]} and {row}.", row=row
            )
        seen[value] = row
        yield row, item


def _put(
    connection: sa.Connection, name: str, rows: Sequence[Mapping[str, Any]], **others: str
) -> list[int]:
    text = json.dumps(rows)
    if NUL_ESCAPED in text or "\\ud" in text:
        refuse_unstorable(rows)
    return list(connection.execute(statement(name), {"rows": text, **others}).scalars())


def refuse_unstorable(rows: Sequence[Mapping[str, Any]]) -> None:
    """Raise Invalid that names the row whose text Postgres cannot keep."""
    for row, values in enumerate(rows):
        flat = json.dumps(values, ensure_ascii=False)
        if not is_storable_json(flat):
            raise Invalid(
                "bad_text",
                f"Row {row} holds a character that cannot be stored as text (NUL or half a surrogate pair).",
                row=row,
            )


class Surrogates:
    """What is known of surrogate keys. They never change, so what was once read stays true."""

    @dataclass(frozen=True)
    class Resolved:
        """Keys of one batch; a code that is unknown is absent. units: own unit and packs of products asked for."""

        products: Mapping[str, int]
        locations: Mapping[str, int]
        sources: Mapping[str, int]
        units: Mapping[str, tuple[str, Mapping[str, object]]]

        def located(self, event: Event) -> Event | Fault:
            """Return the event in its product's own unit, or what of it is unknown."""
            if isinstance(event, Correction):
                return event
            if event.product not in self.products:
                return _unknown(event, "product", event.product, "PUT /v1/products")
            if event.location not in self.locations:
                return _unknown(event, "location", event.location, "PUT /v1/locations")
            if event.to_location is not None and event.to_location not in self.locations:
                return _unknown(event, "to_location", event.to_location, "PUT /v1/locations")
            return event if event.unit is None else _in_own_unit(event, *self.units[event.product])

        def of(self, event: StockEvent) -> tuple[int, int, int | None]:
            """Return keys of the product, the location and the other location of an event that is located."""
            return (
                self.products[event.product],
                self.locations[event.location],
                None if event.to_location is None else self.locations[event.to_location],
            )

    def __init__(self) -> None:
        self._known: dict[Dimension, dict[str, int]] = {PRODUCTS: {}, LOCATIONS: {}, SOURCES: {}}
        # shares the dictionaries above, so that it is up to date at any time
        known = self._known
        # what is known without asking the database
        self.cached = self.Resolved(known[PRODUCTS], known[LOCATIONS], known[SOURCES], {})

    def resolve(
        self, connection: sa.Connection, parsed: Sequence[Event | Fault], *, create: bool
    ) -> "Resolved":
        """Find the keys of a batch; sources are always created, the others only with `create`."""
        events = [event for event in parsed if isinstance(event, StockEvent)]
        locations = {e.location for e in events}
        locations |= {e.to_location for e in events if e.to_location is not None}
        sources = {e.source for e in parsed if not isinstance(e, Fault)}
        named = self.named(
            connection, {e.product for e in events}, locations, sources, create=create
        )
        counted = {e.product for e in events if e.unit is not None}
        return replace(named, units=_units(connection, counted)) if counted else named

    def named(
        self,
        connection: sa.Connection,
        products: set[str],
        locations: set[str],
        sources: set[str],
        *,
        create: bool,
    ) -> "Resolved":
        """Find the keys of names; sources are always created, the others only with `create`."""
        return self.Resolved(
            products=self._keys(connection, PRODUCTS, products, create=create),
            locations=self._keys(connection, LOCATIONS, locations, create=create),
            sources=self._keys(connection, SOURCES, sources, create=True),
            units={},
        )

    def sources_of(self, connection: sa.Connection, names: Iterable[str]) -> Mapping[str, int]:
        """Return keys of sources as far as they are known; none is created.

        Nothing is cached: this transaction may have made one of them, and may yet be rolled back.
        """
        return look_up(connection, SOURCES, sorted(set(names)))

    def _keys(
        self, connection: sa.Connection, dimension: Dimension, codes: set[str], *, create: bool
    ) -> Mapping[str, int]:
        known = self._known[dimension]
        missing = sorted(codes - known.keys())
        if not missing:
            return known
        found = look_up(connection, dimension, missing)
        known.update(found)
        absent = [code for code in missing if code not in found]
        if not absent or not create:
            return known
        # Made in this transaction: not cached before it commits, since it may still be rolled back.
        return {**known, **_create(connection, dimension, absent)}


def look_up(
    connection: sa.Connection, dimension: Dimension, codes: Sequence[str]
) -> dict[str, int]:
    """Find the surrogate keys of codes; a code that is unknown is absent."""
    d = dimension
    query = f"SELECT {d.code}, {d.key} FROM {d.table} WHERE {d.code} = ANY(:codes)"  # noqa: S608 - our own names
    return {row[0]: row[1] for row in connection.execute(sa.text(query), {"codes": codes})}


def _create(
    connection: sa.Connection, dimension: Dimension, codes: Sequence[str]
) -> dict[str, int]:
    d = dimension
    insert = (  # our own names; the codes are bound
        f"INSERT INTO {d.table} ({d.code}) SELECT unnest(CAST(:codes AS text[])) ORDER BY 1 ON CONFLICT DO NOTHING"
    )
    connection.execute(sa.text(insert), {"codes": codes})
    return look_up(connection, dimension, codes)


def _units(
    connection: sa.Connection, skus: Iterable[str]
) -> dict[str, tuple[str, Mapping[str, object]]]:
    query = sa.text("SELECT sku, unit, packs FROM products WHERE sku = ANY(:skus)")
    rows = connection.execute(query, {"skus": sorted(skus)})
    return {sku: (unit, packs) for sku, unit, packs in rows}


def _in_own_unit(event: StockEvent, own: str, packs: Mapping[str, object]) -> StockEvent | Fault:
    assert event.unit is not None  # noqa: S101 - the caller asks
    by = factor(event.unit, own, packs)
    if by is None:
        known = ", ".join(sorted({own, *packs}))
        return _unit_fault(
            event,
            "unknown_unit",
            f"The unit {event.unit!r} does not belong to {event.product!r}, which has {known}. "
            "Name packs by PUT /v1/products, then send the event again.",
        )
    turned: dict[str, Any] = {"unit": None}
    for name in ("quantity_milli", "observed_milli", "committed_milli"):
        value = getattr(event, name)
        if value is not None:
            turned[name] = converted(value, by)
            if turned[name] is None:
                return _unit_fault(
                    event,
                    "too_precise",
                    f"In {own} the quantity has more than 3 decimals.",
                )
            if abs(turned[name]) >= 2**62:
                return _unit_fault(event, "too_large", f"In {own} the quantity is too large.")
    for name in ("price_micros", "cost_micros"):
        value = getattr(event, name)
        if value is not None:
            # money of one `unit` is money of `by` own units; a price has no more than six decimals anyway
            turned[name] = round(value / by)
    return msgspec.structs.replace(event, **turned)


def _unit_fault(event: StockEvent, reason: str, message: str) -> Fault:
    return Fault(reason, message, "data.unit", event.source, event.event_id)


def _unknown(event: StockEvent, name: str, code: str, route: str) -> Fault:
    return Fault(
        f"unknown_{'product' if name == 'product' else 'location'}",
        f"The {name} {code!r} is unknown. Make it known by {route}, then send the event again.",
        f"data.{name}",
        event.source,
        event.event_id,
    )
