"""Products and locations, as the lake's readers join them."""

import pyarrow as pa
import sqlalchemy as sa
from deltalake import write_deltalake

from etl.delta import open_table
from stocktide.foundation.lake import Lake, LakeTable

PRODUCTS = pa.schema(
    [
        ("product_id", pa.int32()),
        ("sku", pa.string()),
        ("name", pa.string()),
        ("department", pa.string()),
        ("category", pa.string()),
        ("unit", pa.string()),
    ]
)
LOCATIONS = pa.schema(
    [
        ("location_id", pa.int32()),
        ("code", pa.string()),
        ("name", pa.string()),
        ("region", pa.string()),
        ("country", pa.string()),
        ("timezone", pa.string()),
    ]
)


def land_dimensions(engine: sa.Engine, lake: Lake) -> None:
    """Write products and locations as they stand; a table that did not change gets no new version."""
    _land(engine, lake, "products", PRODUCTS)
    _land(engine, lake, "locations", LOCATIONS)


def _land(engine: sa.Engine, lake: Lake, table: LakeTable, schema: pa.Schema) -> None:
    query = f"SELECT {', '.join(schema.names)} FROM {table} ORDER BY {schema.names[0]}"  # noqa: S608 - our own names
    with engine.connect() as connection:
        rows = [dict(row) for row in connection.execute(sa.text(query)).mappings()]
    wanted = pa.Table.from_pylist(rows, schema=schema)
    present = open_table(lake, table)
    if present is not None and present.to_pyarrow_table().sort_by(schema.names[0]).equals(wanted):
        return
    if len(wanted) > 0:
        write_deltalake(lake.path(table), wanted, mode="overwrite")
