"""Rows go into their tables: all of a call or none, the same again changes nothing, a change ends the row before."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.ledger.dimensions import LOCATIONS, PRODUCTS, PUT_ROWS_MAX, look_up
from ingest.versions.completing import Told, complete, count_erased
from ingest.versions.kinds import COMMON, Fault, Kind, content_of, refusal, stored
from stocktide.domain.exact_numbers import NotExact
from stocktide.foundation.database import sql, statement
from stocktide.foundation.database_names import plans_lock
from stocktide.foundation.errors import Invalid, NotFound

# So much of a hash is an id where the sender gives none: enough to never meet another by chance.
ID_HEX = 32
# Limits of which two may exclude each other.
TOGETHER = ("department", "category", "location", "region", "country")
DIMENSIONS = {"product": PRODUCTS, "location": LOCATIONS}
# Where each of the names that limit rows is made known.
MADE_KNOWN_BY = {
    "product": "/v1/products", "department": "/v1/products", "category": "/v1/products", "location": "/v1/locations",
    "region": "/v1/locations", "country": "/v1/locations", "supplier": "/v1/terms/suppliers",
}  # fmt: skip


class RowsPut(NamedTuple):
    """Counts of rows. recorded: new ones; changed: in place of one with the same id; unchanged: known before.

    erased: by field, the rows in which it was known and is not any more; None of kinds whose rows have no key.
    warnings: a sentence for each row that can reach nothing.
    """

    recorded: int
    changed: int
    unchanged: int
    erased: Mapping[str, int] | None = None
    warnings: Sequence[str] = ()

    def answer(self) -> dict[str, Any]:
        """Return the counts as the API and commands tell them."""
        return {name: told for name, told in self._asdict().items() if told is not None}


def put_rows(
    connection: sa.Connection,
    kind: Kind,
    rows: Sequence[Any],
    *,
    by: str,
    told: Sequence[Told] | None = None,
) -> RowsPut:
    """Record rows of a kind (its struct), all or none; the caller commits.

    told: the fields that each row has; where rows have a key, what they leave out stays as it is in force. Without it
    a row is the whole of what it says.

    Raises Invalid that names the row and field, NotFound that names a product, location or the like that is unknown.
    """
    if len(rows) > PUT_ROWS_MAX:
        raise Invalid("too_many", f"{len(rows)} rows; at most {PUT_ROWS_MAX} in one call.")
    _one_writer(connection, kind)
    now: datetime = connection.execute(sa.text("SELECT now()")).scalar_one()
    if kind.key and told is not None:
        rows = complete(connection, kind, rows, [_id_or_none(kind, row) for row in rows], told)
    for number, row in enumerate(rows):
        if fault := next(kind.faults_of(row, now), None):
            raise refusal(kind.name, number, fault)
    ids = _ids(kind, rows)
    _check_known(connection, kind, rows)
    warnings = _warnings(connection, kind, rows)
    bound = {"rows": json.dumps(_stored_rows(connection, kind, rows, ids, by, now)), "by": by}
    erased = count_erased(connection, kind, rows, [name for name, _ in ids]) if kind.key else None
    changed = connection.execute(_statement("end_changed", kind), bound).rowcount
    written = connection.execute(_statement("put", kind), bound).rowcount
    return RowsPut(written - changed, changed, len(rows) - written, erased, warnings)


def withdraw_row(connection: sa.Connection, kind: Kind, row_id: str, *, by: str) -> None:
    """Take a row back: from now on it is not known, but what knew it before still does. Raises NotFound."""
    _one_writer(connection, kind)
    done = connection.execute(_statement("withdraw", kind), {"id": row_id, "by": by})
    if done.rowcount == 0:
        raise NotFound(
            f"{kind.id_column}_unknown",
            f"There is no {kind.id_column} {row_id!r} among the {kind.name}.",
            **{kind.id_column: row_id},
        )


def id_of_key(kind: Kind, row: Any) -> str:
    """Return the id of a row that is known by its key: the same wherever it is computed, and fit for an address."""
    told = json.dumps([stored(kind.column(name), getattr(row, name)) for name in kind.key])
    return hashlib.sha256(told.encode()).hexdigest()[:ID_HEX]


def _id_or_none(kind: Kind, row: Any) -> str:
    """Return the id of a row's key, that of no row for a key that is refused later."""
    try:
        return id_of_key(kind, row)
    except NotExact:
        return ""


def _statement(name: str, kind: Kind) -> sa.TextClause:
    columns = (kind.id_column, *COMMON, *kind.columns.values())
    template = sql(f"ingest/versions/{name}")
    for mark, text in (
        ("{table}", kind.table),
        ("{columns}", ", ".join(columns)),
        ("{id}", kind.id_column),
    ):
        template = template.replace(mark, text)
    return sa.text(template)


def _one_writer(connection: sa.Connection, kind: Kind) -> None:
    """Let others wait: two changes of one row at once would else both find it unchanged."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": plans_lock(kind.table)})


def _ids(kind: Kind, rows: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the id of each row and the hash of its content. Raises Invalid for an id that stands there twice."""
    given: list[tuple[str, str]] = []
    numbers: dict[str, int] = {}
    for number, row in enumerate(rows):
        content = _hash_of(kind, row)
        name = id_of_key(kind, row) if kind.key else row.id or content[:ID_HEX]
        if name in numbers:
            raise refusal(kind.name, number, _repeated(kind, row, name, number - numbers[name]))
        numbers[name] = number
        given.append((name, content))
    return given


def _repeated(kind: Kind, row: Any, name: str, rows_before: int) -> Fault:
    """Say that a row is about the same as one before it, whose distance holds for calls and files alike."""
    names = dict(zip(kind.shape.__struct_fields__, kind.fields, strict=True))
    told = [
        f"{names[key]} {value!s}" for key in kind.key if (value := getattr(row, key)) is not None
    ]
    what = (", ".join(told) or "a row without limits") if kind.key else f"id {name}"
    field = next((names[key] for key in kind.key if getattr(row, key) is not None), "id")
    return (
        "repeated",
        field,
        f"{what} stands {rows_before} row{'s'[: rows_before != 1]} before, too.",
    )


def _hash_of(kind: Kind, row: Any) -> str:
    """Return what two rows of the same content share. Where a key tells rows apart, 1.5 is what "1.50" is."""
    content = content_of(row)
    if kind.key:
        content = {
            field: stored(column, getattr(row, field)) for field, column in kind.columns.items()
        }
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def _check_known(connection: sa.Connection, kind: Kind, rows: Sequence[Any]) -> None:
    named = sorted(
        {(key, name) for row in rows for key in kind.scope if (name := getattr(row, key))}
    )
    bound = {"keys": [key for key, _ in named], "names": [name for _, name in named]}
    missing = {*map(tuple, connection.execute(statement("ingest/versions/unknown"), bound))}
    for number, row in enumerate(rows):
        for key in kind.scope:
            name = getattr(row, key)
            if (key, name) in missing:
                said = (
                    f"{kind.name}[{number}].{key}: there is no {key} {name!r}. Make it known by PUT "
                    f"{MADE_KNOWN_BY[key]} first. Nothing was written."
                )
                raise NotFound(f"unknown_{key}", said, row=number, field=key)


def _warnings(connection: sa.Connection, kind: Kind, rows: Sequence[Any]) -> list[str]:
    """Say which rows are for what no product or no location is: two limits that exclude each other."""
    together = [key for key in TOGETHER if key in kind.scope]
    scopes = [
        {"number": number, **{key: getattr(row, key) for key in together}}
        for number, row in enumerate(rows)
    ]
    scopes = [scope for scope in scopes if sum(map(bool, list(scope.values())[1:])) > 1]
    if not scopes:
        return []
    bound = {"scopes": json.dumps(scopes)}
    empty = set(connection.execute(statement("ingest/versions/empty_scopes"), bound).scalars())
    return [
        f"{kind.name}[{scope['number']}] reaches nothing: there is nothing in "
        f"{', '.join(f'{key} {scope[key]!r}' for key in together if scope[key])} together."
        for scope in scopes
        if scope["number"] in empty
    ]


def _stored_rows(
    connection: sa.Connection,
    kind: Kind,
    rows: Sequence[Any],
    ids: Sequence[tuple[str, str]],
    by: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Turn rows as they were sent into rows of the kind's table."""
    keys = {
        name: look_up(
            connection, DIMENSIONS[name], sorted({v for row in rows if (v := getattr(row, name))})
        )
        for name in kind.surrogates
    }
    made = []
    for row, (name, content) in zip(rows, ids, strict=True):
        known_since = min(row.known_since or now, now).isoformat()
        common = dict(zip((kind.id_column, *COMMON), (name, content, known_since, by), strict=True))
        own = {}
        for field, column in kind.columns.items():
            value = getattr(row, field)
            own[column] = keys[field].get(value) if field in keys else stored(column, value)
        made.append(common | own)
    return made
