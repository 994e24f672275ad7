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


@dataclass(frozen=True)
class Wanted:
    """A row that an event went into. key: of it, as people read it. where: columns and values that find it.

    between: an entry that lies between the first and the last one of the row. months: of the files that have it, if
    that is known.
    """

    table: LakeTable
    key: Mapping[str, Any]
    where: Mapping[str, Any]
    between: int | None = None
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
                yield Wanted("promotions", named, pair, between=row["entry_id"])
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
    if row["daily"] in SOLD and row["customer_id"] is not None:
        # who it is stays a pseudonym, and that is shown to nobody here
        yield Wanted("customers", {"customer": "hidden"}, {"customer_id": row["customer_id"]})


def find_rows(database: duckdb.DuckDBPyConnection, lake: Lake, event: Event) -> list[Found]:
    """Look each row up in the newest version of its table."""
    opened: dict[LakeTable, LakeVersion] = {}
    return [
        Found(
            one.table,
            one.key,
            _is_there(
                database, opened.setdefault(one.table, newest(lake, one.table)), one, f"t{number}"
            ),
        )
        for number, one in enumerate(wanted_rows(event))
    ]


def _is_there(
    database: duckdb.DuckDBPyConnection, version: LakeVersion, one: Wanted, name: str
) -> bool:
    if version.table is None:
        return False
    database.register(f"{name}_none", SCHEMAS[one.table].empty_table())
    rows = from_files(database, name, version, months=one.months)
    conditions = [f"{column} IS NOT DISTINCT FROM ${column}" for column in one.where]
    binds = dict(one.where)
    if one.between is not None:
        conditions.append("$entry BETWEEN first_entry_id AND last_entry_id")
        binds["entry"] = one.between
    query = f"SELECT 1 {rows} WHERE {' AND '.join(conditions)} LIMIT 1"
    return bool(database.execute(query, binds).fetchall())
