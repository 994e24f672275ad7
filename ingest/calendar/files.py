"""Plans from and to files: one column a field, one row a plan; all rows or none."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingest.calendar.plans import PlansPut, kind_of, put_plans
from ingest.files.source_file import read_rows
from ingest.files.struct_rows import in_calls, row_as


def put_plans_file(connection: sa.Connection, kind: str, path: Path, *, by: str) -> PlansPut:
    """Record the plans of a CSV, Parquet or NDJSON file. Raises Invalid or NotFound that name the row."""
    of = kind_of(kind)
    plans = [
        row_as(of.shape, path, number, row, of.fields)
        for number, row in enumerate(read_rows(path), start=1)
    ]
    parts = [put_plans(connection, kind, part, by=by) for part in in_calls(plans)]
    return PlansPut(*map(sum, zip(*parts, strict=True)))


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
