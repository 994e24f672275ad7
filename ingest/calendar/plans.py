"""Plans go into their tables: all of a call or none, the same again changes nothing, a change ends the row before."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
import sqlalchemy as sa

from ingest.calendar.checks import content_of, faults_of, refusal
from ingest.calendar.kinds import KINDS, SCOPE, Kind
from ingest.ledger.dimensions import LOCATIONS, PRODUCTS, PUT_ROWS_MAX, look_up, price_micros
from stocktide.foundation.database import sql, statement
from stocktide.foundation.database_names import plans_lock
from stocktide.foundation.errors import Invalid, NotFound

# So much of the content's hash is an id where the sender gives none: enough to never meet another by chance.
ID_HEX = 32
COMMON = ("plan", "content_hash", "known_since", "recorded_by")


class PlansPut(NamedTuple):
    """Counts of plans. recorded: new ones; changed: in place of one with the same id; unchanged: known before."""

    recorded: int
    changed: int
    unchanged: int


def put_plans(connection: sa.Connection, kind: str, plans: Sequence[Any], *, by: str) -> PlansPut:
    """Record plans of a kind (its struct), all or none; the caller commits.

    Raises Invalid that names the row and field, NotFound that names a product, location or the like that is unknown.
    """
    of = kind_of(kind)
    if len(plans) > PUT_ROWS_MAX:
        raise Invalid("too_many", f"{len(plans)} rows; at most {PUT_ROWS_MAX} in one call.")
    _one_writer(connection, of)
    now: datetime = connection.execute(sa.text("SELECT now()")).scalar_one()
    for row, plan in enumerate(plans):
        if fault := next(faults_of(plan, now=now), None):
            raise refusal(kind, row, fault)
    ids = _ids(kind, plans)
    _check_known(connection, of, plans)
    rows = _rows(connection, of, plans, ids, by, now)
    bound = {"rows": json.dumps(rows), "by": by}
    changed = connection.execute(_statement("end_changed", of), bound).rowcount
    written = connection.execute(_statement("put", of), bound).rowcount
    return PlansPut(written - changed, changed, len(plans) - written)


def withdraw_plan(connection: sa.Connection, kind: str, plan: str, *, by: str) -> None:
    """Take a plan back: from now on it is not known, but what knew it before still does. Raises NotFound."""
    of = kind_of(kind)
    _one_writer(connection, of)
    done = connection.execute(_statement("withdraw", of), {"plan": plan, "by": by})
    if done.rowcount == 0:
        raise NotFound("plan_unknown", f"There is no plan {plan!r} among the {kind}.", plan=plan)


def kind_of(name: str) -> Kind:
    """Return the kind of plan of a name. Raises Invalid."""
    if name not in KINDS:
        raise Invalid("unknown_kind", f"{name!r} is no kind of plan; there are {', '.join(KINDS)}.")
    return KINDS[name]


def _statement(name: str, kind: Kind) -> sa.TextClause:
    columns = (*COMMON, *kind.columns.values(), *(_column(key) for key in kind.scope))
    template = sql(f"ingest/calendar/{name}").replace("{table}", kind.table)
    return sa.text(template.replace("{columns}", ", ".join(columns)))


def _column(key: str) -> str:
    """Return the column of a key: products and locations are kept by their surrogate keys."""
    return f"{key}_id" if key in ("product", "location") else key


def _one_writer(connection: sa.Connection, kind: Kind) -> None:
    """Let others wait: two changes of one plan at once would else both find it unchanged."""
    lock = sa.text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")
    connection.execute(lock, {"name": plans_lock(kind.table)})


def _ids(kind: str, plans: Sequence[Any]) -> list[tuple[str, str]]:
    """Return the id of each plan and the hash of its content. Raises Invalid for an id that stands there twice."""
    given: list[tuple[str, str]] = []
    rows: dict[str, int] = {}
    for row, plan in enumerate(plans):
        content = hashlib.sha256(msgspec.json.encode(content_of(plan), order="sorted")).hexdigest()
        name = plan.id or content[:ID_HEX]
        if name in rows:
            why = f"{name!r} stands in rows {rows[name]} and {row}."
            raise refusal(kind, row, ("repeated", "id", why))
        rows[name] = row
        given.append((name, content))
    return given


def _check_known(connection: sa.Connection, kind: Kind, plans: Sequence[Any]) -> None:
    named = sorted(
        {(key, name) for plan in plans for key in kind.scope if (name := getattr(plan, key))}
    )
    bound = {"keys": [key for key, _ in named], "names": [name for _, name in named]}
    missing = {*map(tuple, connection.execute(statement("ingest/calendar/unknown"), bound))}
    for row, plan in enumerate(plans):
        for key in kind.scope:
            name = getattr(plan, key)
            if (key, name) in missing:
                place, route = (
                    f"{kind.name}[{row}].{key}",
                    "products" if key in SCOPE[:3] else "locations",
                )
                why = (
                    f"{place}: there is no {key} {name!r}. Make it known by PUT /v1/{route} first."
                )
                said = f"{why} Nothing was written."
                raise NotFound(f"unknown_{key}", said, row=row, field=key)


def _rows(
    connection: sa.Connection,
    kind: Kind,
    plans: Sequence[Any],
    ids: Sequence[tuple[str, str]],
    by: str,
    now: datetime,
) -> list[dict[str, Any]]:
    """Turn plans into rows of the kind's table."""
    keys = {
        name: look_up(connection, of, sorted({v for p in plans if (v := getattr(p, name, None))}))
        for name, of in (("product", PRODUCTS), ("location", LOCATIONS))
    }
    rows = []
    for plan, (name, content) in zip(plans, ids, strict=True):
        known_since = min(plan.known_since or now, now).isoformat()
        scope = {key: getattr(plan, key) for key in kind.scope}
        rows.append(
            dict(zip(COMMON, (name, content, known_since, by), strict=True))
            | {column: _value(plan, field) for field, column in kind.columns.items()}
            | {_column(key): keys[key].get(v) if key in keys else v for key, v in scope.items()}
        )
    return rows


def _value(plan: Any, field: str) -> Any:
    """Return a field's value as its column takes it."""
    value = getattr(plan, field)
    if field == "price":
        return None if value is None else price_micros(value)
    if field == "state":
        return value == "closed"
    return msgspec.to_builtins(value)
