"""Plans from and to files, one column a field, one row a plan, all rows or none; and changes to plans of any kinds."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from ingest.calendar.kinds import KINDS, SHARED, kind_of
from ingest.calendar.plans import put_plans, withdraw_plan
from ingest.files.source_file import read_rows
from ingest.files.struct_rows import given, in_calls, row_as
from ingest.versions import RowsPut, put_rows_file, rows_csv
from stocktide.foundation.errors import Invalid, StocktideError

# Columns beside the fields of the kinds: which kind a row is of, and whether its plan is taken back.
KIND, WITHDRAW = "plans", "withdraw"
YES, NO = ("yes", "true", "1"), ("no", "false", "0")


@dataclass(frozen=True)
class Change:
    """One row of a file. row: its number, from 1. plan: to record, None to withdraw the plan `id` instead."""

    path: Path
    row: int
    kind: str
    id: str | None
    plan: Any


def put_plans_file(connection: sa.Connection, kind: str, path: Path, *, by: str) -> RowsPut:
    """Record the plans of a CSV, Parquet or NDJSON file. Raises Invalid or NotFound that name the row."""
    return put_rows_file(connection, kind_of(kind), path, by=by)


def plans_csv(kind: str, plans: Sequence[Mapping[str, Any]]) -> str:
    """Write plans as the CSV that `put_plans_file` reads."""
    return rows_csv(kind_of(kind), plans)


def read_changes(path: Path) -> list[Change]:
    """Read the changes of a CSV, Parquet or NDJSON file: the columns of a kind, or of several with a column `plans`.

    A column `withdraw` (yes or no) takes back the plan of the row's id. Without `plans` the kind follows from the
    columns. Raises Invalid that names file, row and column.
    """
    rows = read_rows(path)
    of_file = None if KIND in rows[0] else _kind_by_columns(path, rows[0])
    return [_change(path, number, row, of_file) for number, row in enumerate(rows, start=1)]


def put_changes(connection: sa.Connection, changes: Sequence[Change], *, by: str) -> None:
    """Withdraw and record plans; the caller commits, or not. Raises Invalid or NotFound that name row and column."""
    for change in changes:
        if change.plan is None:
            _withdraw(connection, change, by)
    for kind in KINDS:
        of = [change for change in changes if change.kind == kind and change.plan is not None]
        for part in in_calls(of):
            try:
                put_plans(connection, kind, [change.plan for change in part], by=by)
            except StocktideError as error:
                raise _at(error, part) from None


def _withdraw(connection: sa.Connection, change: Change, by: str) -> None:
    try:
        withdraw_plan(connection, change.kind, change.id or "", by=by)
    except StocktideError as error:
        raise _placed(error, change, "id", error.message) from None


def _at(error: StocktideError, part: Sequence[Change]) -> StocktideError:
    """Name an error's place as the file has it; `part` are the plans of the call, which counts them from 0."""
    if "row" not in error.context:
        return error
    why = error.message.partition(": ")[2]
    return _placed(error, part[error.context["row"]], error.context["field"], why)


def _placed(error: StocktideError, change: Change, field: str, why: str) -> StocktideError:
    said = f"{change.path}, row {change.row}, column {field}: {why}"
    return type(error)(error.code, said, row=change.row, field=field)


def _change(path: Path, number: int, row: Mapping[str, Any], of_file: str | None) -> Change:
    cells, place = given(row), f"{path}, row {number}, column"
    withdrawn = str(cells.pop(WITHDRAW, "no")).lower()
    name = cells.pop(KIND, of_file)
    if name not in KINDS:
        why = f"{name!r} is no kind of plan; there are {', '.join(KINDS)}."
        raise Invalid("unknown_kind", f"{place} {KIND}: {why}")
    if withdrawn not in (*YES, *NO):
        raise Invalid("bad_row", f"{place} {WITHDRAW}: {withdrawn!r} is not yes or no.")
    kind, plan_id = KINDS[name], cells.get("id")
    if withdrawn in NO:
        plan = row_as(kind.shape, path, number, cells, kind.fields)
        return Change(path, number, kind.name, plan_id, plan)
    if plan_id is None:
        raise Invalid("bad_row", f"{place} id: the plan to withdraw has no id here.")
    return Change(path, number, kind.name, str(plan_id), None)


def _kind_by_columns(path: Path, columns: Mapping[str, Any]) -> str:
    """Find the kind that a file's columns are of; where two could be, the one all of whose own fields are there.

    Raises Invalid (`unknown_kind`): none, or it stays open which one.
    """
    there = set(columns) - {WITHDRAW}
    fits = [name for name, kind in KINDS.items() if kind.required <= there <= set(kind.fields)]
    if len(fits) > 1:
        fits = [name for name in fits if set(KINDS[name].fields) - set(SHARED) <= there] or fits
    if len(fits) == 1:
        return fits[0]
    found = (
        f"could be {' or '.join(fits)}" if fits else f"are those of no kind ({', '.join(KINDS)})"
    )
    raise Invalid(
        "unknown_kind",
        f"{path}: the columns {', '.join(columns)} {found}; check them, or give the kind of each row in a column "
        f"{KIND}.",
    )
