"""Queries that people keep under a name: an owner's own, or shared with everybody who may ask in SQL."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from query.console import STATEMENT_CHARACTERS_MAX
from query.reports import Kind, Parameter, value_of
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, Invalid, NotFound
from stocktide.foundation.statement_parameters import names_in
from stocktide.foundation.stored_text import is_storable

NAME_CHARACTERS_MAX, PARAMETERS_MAX = 100, 20
# Of one owner.
QUERIES_MAX = 200


class Chart(msgspec.Struct, forbid_unknown_fields=True):
    """How a result is drawn: one mark, columns for x, y and colour."""

    mark: Literal["line", "bar", "point"]
    x: str
    y: str
    colour: str | None = None


class ParameterIn(msgspec.Struct, forbid_unknown_fields=True):
    """A parameter of a query. default: as text; empty for nothing."""

    name: str
    kind: Kind = "text"
    default: str = ""


class QueryIn(msgspec.Struct, forbid_unknown_fields=True):
    """Body of a query that is saved. schedule: cron line in UTC, of exports in `form`. user: on whose behalf."""

    name: str
    statement: str
    parameters: list[ParameterIn] = []
    shared: bool = False
    chart: Chart | None = None
    schedule: str | None = None
    form: Literal["csv", "parquet"] = "csv"
    user: str | None = None


def save(connection: sa.Connection, owner: str, given: QueryIn) -> int:
    """Save a new query and return its number; the caller commits. Raises Invalid, Conflict for a name that is taken."""
    row = {**_row(given), "owner": owner, "most": QUERIES_MAX}
    found: int | None = connection.execute(statement("query/saved/save"), row).scalar()
    if found is None:
        raise Conflict(
            "query_name",
            f"There is a query {given.name!r} of yours, or there are {QUERIES_MAX} of them, as many as may be. "
            "Choose another name, or change that one.",
        )
    return found


def change(connection: sa.Connection, owner: str, query_id: int, given: QueryIn) -> None:
    """Change a query of its owner's; the caller commits. Raises Invalid, NotFound, Conflict."""
    row = {**_row(given), "owner": owner, "query_id": query_id}
    try:
        found = connection.execute(statement("query/saved/change"), row).scalar()
    except sa.exc.IntegrityError:
        raise Conflict(
            "query_name", f"There is another query {given.name!r} of yours. Choose another name."
        ) from None
    if found is None:
        raise _missing(query_id)


def remove(connection: sa.Connection, owner: str, query_id: int) -> None:
    """Remove a query of its owner's; the caller commits. Raises NotFound."""
    binds = {"query_id": query_id, "owner": owner}
    if connection.execute(statement("query/saved/remove"), binds).scalar() is None:
        raise _missing(query_id)


def find(connection: sa.Connection, owner: str, query_id: int) -> dict[str, Any]:
    """Return a query that a user may run. Raises NotFound."""
    binds = {"query_id": query_id, "owner": owner}
    row = connection.execute(statement("query/saved/find"), binds).mappings().first()
    if row is None:
        raise _missing(query_id)
    return dict(row)


def find_named(connection: sa.Connection, owner: str, name: str) -> dict[str, Any]:
    """Return the query of a name that a user may run, an own one before others. Raises NotFound, Invalid."""
    binds = {"name": name, "owner": owner}
    found = [
        dict(row) for row in connection.execute(statement("query/saved/named"), binds).mappings()
    ]
    if not found:
        raise NotFound("query_missing", f"There is no query {name!r} of yours, and none is shared.")
    if len(found) > 1 and found[0]["owner"] != owner:
        owners = ", ".join(row["owner"] for row in found)
        raise Invalid("query_name", f"{owners} share a query {name!r} each. Save one of your own.")
    return found[0]


def rows_of(connection: sa.Connection, name: str, **binds: Any) -> list[dict[str, Any]]:
    """Return the rows of a query of sql/query/saved."""
    rows = connection.execute(statement(f"query/saved/{name}"), binds).mappings()
    return [dict(row) for row in rows]


def values_for(
    parameters: Sequence[Mapping[str, Any]], given: Mapping[str, str]
) -> dict[str, str | int | float | bool | None]:
    """Return the values of a query's parameters, from texts; days stay texts, as a statement casts them.

    Raises Invalid for a value of another type, or a name that the query does not have.
    """
    known = {
        str(one["name"]): Parameter(one["name"], one["kind"], "", one["default"] or None)
        for one in parameters
    }
    for name in given:
        if name not in known:
            raise Invalid("query_parameter", f"The query has no parameter {name!r}.", field=name)
    values: dict[str, str | int | float | bool | None] = {}
    for name, one in known.items():
        text = given.get(name, "") or str(one.default or "")
        value = value_of(Parameter(name, one.kind, ""), text)
        values[name] = text if one.kind == "date" and text else value  # type: ignore[assignment]
    return values


def next_due(schedule: str, after: datetime) -> datetime:
    """Return when a cron line is due next."""
    from croniter import croniter

    found: datetime = croniter(schedule, after.astimezone(UTC)).get_next(datetime)
    return found


def _row(given: QueryIn) -> dict[str, Any]:
    """Return what is stored. Raises Invalid."""
    check(given)
    schedule = given.schedule or None
    return {
        "name": given.name,
        "statement": given.statement,
        "parameters": msgspec.json.encode(given.parameters).decode(),
        "shared": given.shared,
        "chart": None if given.chart is None else json.dumps(msgspec.to_builtins(given.chart)),
        "schedule": schedule,
        "form": given.form if schedule else None,
        "due_at": next_due(schedule, datetime.now(UTC)) if schedule else None,
    }


def check(given: QueryIn) -> None:
    """Look at what is to be saved. Raises Invalid."""
    from croniter import croniter

    if not 1 <= len(given.name) <= NAME_CHARACTERS_MAX or not given.name.isprintable():
        raise Invalid(
            "query_name",
            f"A name has 1 to {NAME_CHARACTERS_MAX} printable characters.",
            field="name",
        )
    if not 1 <= len(given.statement) <= STATEMENT_CHARACTERS_MAX or not is_storable(
        given.statement
    ):
        raise Invalid(
            "query_text",
            f"A statement has 1 to {STATEMENT_CHARACTERS_MAX:,} characters and no zero bytes.",
            field="statement",
        )
    named = names_in(given.statement)
    declared = [one.name for one in given.parameters]
    if len(declared) > PARAMETERS_MAX or len(set(declared)) < len(declared):
        raise Invalid(
            "query_parameter", f"Parameters are at most {PARAMETERS_MAX}, each of its own name."
        )
    for name in declared:
        if name not in named:
            raise Invalid("query_parameter", f"The statement does not name ${name}.", field=name)
    values_for([msgspec.to_builtins(one) for one in given.parameters], {})
    chart = [] if given.chart is None else msgspec.to_builtins(given.chart).values()
    if not all(is_storable(value or "") for value in chart):
        raise Invalid(
            "query_chart", "A column of the chart cannot be stored as text.", field="chart"
        )
    if given.schedule and (len(given.schedule) > 100 or not croniter.is_valid(given.schedule)):
        raise Invalid(
            "cron",
            f"{given.schedule[:100]!r} is not a cron line such as 0 6 * * 1.",
            field="schedule",
        )


def _missing(query_id: int) -> NotFound:
    return NotFound("query_missing", f"There is no query {query_id} of yours, and none is shared.")
