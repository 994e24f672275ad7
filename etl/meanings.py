"""What movements mean by master data: where their days begin, and in which currency amounts without one are."""

from dataclasses import dataclass

import pyarrow as pa
import sqlalchemy as sa


@dataclass(frozen=True)
class Meanings:
    """What movements mean by master data. zones: location_id, timezone. currencies: product_id, currency."""

    zones: pa.Table
    currencies: pa.Table


def read_meanings(engine: sa.Engine) -> Meanings:
    """Read the time zone of each location, and the currency of each product that has one.

    Read after movements have landed: a location that is made later has none among them.
    """
    return Meanings(
        _read(engine, "SELECT location_id, timezone FROM locations", "timezone"),
        _read(
            engine,
            "SELECT product_id, currency FROM products WHERE currency IS NOT NULL",
            "currency",
        ),
    )


def _read(engine: sa.Engine, query: str, value: str) -> pa.Table:
    with engine.connect() as connection:
        rows = connection.execute(sa.text(query)).all()
    columns = [pa.array([row[0] for row in rows], pa.int32())]
    columns.append(pa.array([row[1] for row in rows], pa.string()))
    return pa.Table.from_arrays(columns, names=[query.split()[1].rstrip(","), value])
