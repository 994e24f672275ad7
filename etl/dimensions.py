"""Products and locations, as the lake's readers join them."""

from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc
import sqlalchemy as sa
from deltalake import write_deltalake

from etl.delta import open_table
from stocktide.foundation.lake import Lake, LakeTable
from stocktide.foundation.lake_schemas import LOCATIONS, PRODUCTS

# of products whose days are made again
NONE_RETOLD = pa.table({"product_id": pa.array([], pa.int32())})


@dataclass(frozen=True)
class Dimensions:
    """Products and locations as they stand in Postgres at one moment, each ordered by its key."""

    products: pa.Table
    locations: pa.Table


def read_dimensions(engine: sa.Engine) -> Dimensions:
    """Read products and locations."""
    return Dimensions(
        _read(engine, "products", PRODUCTS),
        _read(engine, "locations", LOCATIONS),
    )


def with_new(dimensions: Dimensions, later: Dimensions) -> Dimensions:
    """Return dimensions and, beside them, the products and locations that only a later reading has."""
    return Dimensions(
        _with_new(dimensions.products, later.products, "product_id"),
        _with_new(dimensions.locations, later.locations, "location_id"),
    )


def _with_new(table: pa.Table, later: pa.Table, key: str) -> pa.Table:
    new = later.filter(pc.invert(pc.is_in(later[key], table[key])))
    return pa.concat_tables([table, new]).sort_by(key)


def land_dimensions(lake: Lake, dimensions: Dimensions, *, without: pa.Table = NONE_RETOLD) -> None:
    """Write products and locations as they stand; a table that did not change gets no new version.

    without: product_id of products that the lake has, and that stay as they are there.
    """
    products = dimensions.products
    if len(without) > 0:
        landed = landed_rows(lake, "products", PRODUCTS)
        staying = pc.is_in(landed["product_id"], without["product_id"])
        going = pc.invert(pc.is_in(products["product_id"], without["product_id"]))
        products = pa.concat_tables([products.filter(going), landed.filter(staying)])
        products = products.sort_by("product_id")
    _land(lake, "products", products)
    _land(lake, "locations", dimensions.locations)


def zones_changed(lake: Lake, dimensions: Dimensions) -> bool:
    """Return True if a location of the lake has another time zone by now."""
    landed = landed_rows(lake, "locations", LOCATIONS).to_pylist()
    zones = {row["location_id"]: row["timezone"] for row in dimensions.locations.to_pylist()}
    return any(zones.get(row["location_id"]) != row["timezone"] for row in landed)


def products_retold(lake: Lake, dimensions: Dimensions) -> pa.Table:
    """Return product_id of the lake's products whose unit or currency is another by now.

    Their days mean something else.
    """
    landed = landed_rows(lake, "products", PRODUCTS).to_pylist()
    now = {row["product_id"]: row for row in dimensions.products.to_pylist()}
    changed = [
        row["product_id"]
        for row in landed
        if any(now[row["product_id"]][name] != row[name] for name in ("unit", "currency"))
    ]
    return pa.table({"product_id": pa.array(changed, pa.int32())})


def landed_rows(lake: Lake, table: LakeTable, schema: pa.Schema) -> pa.Table:
    """Read what the lake has of products or locations, ordered by its key; none of a table of another form."""
    present = open_table(lake, table)
    if present is None or {field.name for field in present.schema().fields} != set(schema.names):
        return schema.empty_table()
    return present.to_pyarrow_table().sort_by(schema.names[0])


def _read(engine: sa.Engine, table: LakeTable, schema: pa.Schema) -> pa.Table:
    query = f"SELECT {', '.join(schema.names)} FROM {table} ORDER BY {schema.names[0]}"  # noqa: S608 - our own names
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(query)).mappings()]
    return pa.Table.from_pylist(rows, schema=schema)


def _land(lake: Lake, table: LakeTable, wanted: pa.Table) -> None:
    if landed_rows(lake, table, wanted.schema).equals(wanted):
        return
    write_deltalake(lake.path(table), wanted, mode="overwrite", schema_mode="overwrite")
