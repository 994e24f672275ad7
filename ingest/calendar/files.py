"""Plans from and to files: one column a field, one row a plan; all rows or none."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.calendar.kinds import Kind
from ingest.calendar.plans import PlansPut, kind_of, put_plans
from ingest.files.source_file import read_rows
from ingest.ledger.dimensions import PUT_ROWS_MAX
from stocktide.foundation.errors import Invalid


def put_plans_file(connection: sa.Connection, kind: str, path: Path, *, by: str) -> PlansPut:
    """Record the plans of a CSV, Parquet or NDJSON file. Raises Invalid or NotFound that name the row."""
    of = kind_of(kind)
    plans = [plan_of(path, number, row, of) for number, row in enumerate(read_rows(path), start=1)]
    if not plans:
        raise Invalid("file_empty", f"{path}: there is a header, but no row.")
    parts = [
        put_plans(connection, kind, plans[start : start + PUT_ROWS_MAX], by=by)
        for start in range(0, len(plans), PUT_ROWS_MAX)
    ]
    return PlansPut(
        sum(part.recorded for part in parts),
        sum(part.changed for part in parts),
        sum(part.unchanged for part in parts),
    )


def plan_of(path: Path, number: int, row: Mapping[str, Any], kind: Kind) -> Any:
    """Make the plan of a file's row, its kind's struct. Raises Invalid that names the row or the column."""
    unknown = sorted(set(row) - set(kind.fields))
    if unknown:
        raise Invalid(
            "column_unknown",
            f"{path}: column {unknown[0]!r} is no field; there are {', '.join(kind.fields)}.",
        )
    try:
        return msgspec.convert(
            {name: value for name, value in row.items() if value not in (None, "")},
            kind.shape,
            strict=False,
        )
    except msgspec.ValidationError as error:
        raise Invalid("bad_row", f"{path}, row {number}: {error}.", row=number) from None


def plans_csv(kind: str, plans: Sequence[Mapping[str, Any]]) -> str:
    """Write plans as the CSV that `put_plans_file` reads."""
    text = io.StringIO()
    fields = kind_of(kind).fields
    writer = csv.DictWriter(text, fields, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _cell(plan[name]) for name in fields} for plan in plans)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
