"""Rates from a file: columns base, quote, day, rate; all rows or none."""

from pathlib import Path

import sqlalchemy as sa

from ingest.files.struct_rows import in_calls, rows_as
from ingest.rates.rates import FIELDS, RateIn, RatesPut, put_rates


def put_rates_file(connection: sa.Connection, path: Path, *, by: str) -> RatesPut:
    """Record the rates of a CSV, Parquet or NDJSON file. Raises Invalid that names the row."""
    parts = [put_rates(connection, part, by=by) for part in in_calls(rows_as(RateIn, path, FIELDS))]
    return RatesPut(*map(sum, zip(*parts, strict=True)))
