"""The rows of the lake that an event went into, table by table: how each is found, and whether it is there."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import duckdb

from query.lake_files import LakeVersion, newest
from query.lineage.event import Event
from query.report_inputs import from_files
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import SCHEMAS

ORDERED = ("order_id", "order_line")
SOLD = ("sold", "returned")
# How an entry finds the row of a table that names neither it nor what it is about.
OF_ENTRY: Mapping[LakeTable, str] = {
    "promotions": "$entry BETWEEN first_entry_id AND last_entry_id",
    "customers": "customer_id IN (SELECT customer_id FROM bought WHERE entry_id = $entry)",
}


@dataclass(frozen=True)
class Wanted:
    """A row that an event went into. key: of it, as people read it. where: columns and values that find it.

    entry: finds it too, by `OF_ENTRY`. months: of the files that have it, if that is known.
    """

    table: LakeTable
    key: Mapping[str, Any]
    where: Mapping[str, Any]
    entry: int | None = None
    months: Sequence[str] | None = None


@dataclass(frozen=True)
class Found:
    """A row of the lake, and whether it is there by now."""

    table: LakeTable
    key: Mapping[str, Any]
    is_there: bool


def wanted_rows(event: Event) -> Iterator[Wanted]:
    """Give each row of the lake that an event goes into, by what its kind does."""
    for row in event.rows:
        pair = {"product_id": row["product_id"], "location_id": row["location_id"]}
        named = {"product": row["product"], "location": row["location"]}
        day, months = {"day": row["day"]}, [f"{row['day']:%Y-%m}"]
        entry = {"entry_id": row["entry_id"]}
        yield Wanted("movements", {**entry, "leg": row["leg"]}, entry, months=months)
        if row["makes_days"]:
            for table in ("daily_demand", "daily_stock"):
                yield Wanted(table, {**named, **day}, {**pair, **day}, months=months)
        if row["sets_price"]:
            yield Wanted("prices", {**named, **entry}, entry, months=months)
            if row["promotion"]:
                yield Wanted("promotions", named, pair, entry=row["entry_id"])
        yield from _of_orders(event, row, pair, named)
    first = event.first
    of_feed = {"source": event.source, "day": first["day"]}
    yield Wanted("feeds_days", of_feed, of_feed, months=[f"{first['day']:%Y-%m}"])


def _of_orders(
    event: Event, row: Any, pair: Mapping[str, Any], named: Mapping[str, Any]
) -> Iterator[Wanted]:
    order = {name: row[name] for name in ORDERED}
    if row["daily"] in SOLD and row["order_id"] is not None:
        till = {"source": event.source}
        yield Wanted("order_lines", {**till, **order, **named}, {**till, **order, **pair})
        of_order = {**till, "order_id": row["order_id"]}
        yield Wanted("orders", of_order, of_order)
    if row["of_purchases"] and row["order_id"] is not None:
        # a receipt that names no line is of the only one that its order has of the product
        line = {} if row["order_line"] is None else {"order_line": row["order_line"]}
        of_order = {"order_id": row["order_id"], **line}
        yield Wanted("purchases", {**of_order, **named}, {**of_order, **pair})
    if row["daily"] in SOLD:
        # who it is stays in the lake: nobody here sees more than that there is a row
        yield Wanted("customers", {"customer": "hidden"}, {}, entry=row["entry_id"])


def find_rows(database: duckdb.DuckDBPyConnection, lake: Lake, event: Event) -> list[Found]:
    """Look each row up in the newest version of its table; a sale to nobody that is known has no row of a customer."""
    versions = {name: newest(lake, name) for name in {one.table for one in wanted_rows(event)}}
    # read where the sale is: who bought it does not leave the lake
    rows = _rows(database, versions["movements"], "bought", [f"{event.day:%Y-%m}"])
    database.execute(f"CREATE TEMP VIEW bought AS SELECT entry_id, customer_id {rows}")
    found = []
    for number, one in enumerate(wanted_rows(event)):
        rows = _rows(database, versions[one.table], f"t{number}", one.months)
        is_there = _is_there(database, rows, one)
        if is_there or one.table != "customers":
            found.append(Found(one.table, one.key, is_there))
    return found


def _rows(
    database: duckdb.DuckDBPyConnection,
    version: LakeVersion,
    name: str,
    months: Sequence[str] | None,
) -> str:
    """Return a FROM of a table's rows: of some months, if they are named; of none where it was never written."""
    database.register(f"{name}_none", SCHEMAS[version.name].empty_table())
    if version.table is None:
        return f'FROM "{name}_none"'
    return from_files(database, name, version, months=months)


def _is_there(database: duckdb.DuckDBPyConnection, rows: str, one: Wanted) -> bool:
    conditions = [f"{column} IS NOT DISTINCT FROM ${column}" for column in one.where]
    binds = dict(one.where)
    if one.entry is not None:
        conditions.append(OF_ENTRY[one.table])
        binds["entry"] = one.entry
    query = f"SELECT 1 {rows} WHERE {' AND '.join(conditions)} LIMIT 1"
    return bool(database.execute(query, binds).fetchall())
