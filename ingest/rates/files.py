"""Rates from a file: columns base, quote, day, rate; all rows or none."""

from pathlib import Path

import sqlalchemy as sa

from ingest.files.struct_rows import in_calls, rows_as
from ingest.rates.rates import FIELDS, RateIn, RatesPut, put_rates
from stocktide.foundation.errors import Invalid


def put_rates_file(connection: sa.Connection, path: Path, *, by: str) -> RatesPut:
    """Record the rates of a CSV, Parquet or NDJSON file. Raises Invalid that names the row."""
    parts, before = [], 0
    for part in in_calls(rows_as(RateIn, path, FIELDS)):
        try:
            parts.append(put_rates(connection, part, by=by))
        except Invalid as error:
            raise _in_file(error, path, before) from None
        before += len(part)
    return RatesPut(*map(sum, zip(*parts, strict=True)))


def _in_file(error: Invalid, path: Path, before: int) -> Invalid:
    """Return an error of a call, whose rows count from 0, with its place in a file, whose rows count from 1."""
    if "row" not in error.context:
        return error
    row = before + error.context["row"] + 1
    why = error.message.partition("]")[2].lstrip(".: ")
    return Invalid(error.code, f"{path}, row {row}: {why}", row=row)
