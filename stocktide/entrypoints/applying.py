"""A scenario is applied: the terms, plans and overrides that it says are written by the stages that keep them."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
import sqlalchemy as sa

from ingest.calendar import put_plans
from ingest.overrides import KIND as OVERRIDES
from ingest.overrides import OverrideIn
from ingest.terms import kind_of, list_rows, put_rows
from purchasing.proposing.facts import read_facts
from purchasing.whatif.assumed import within
from purchasing.whatif.scenario import Scenario, Scope
from stocktide.entrypoints.comparing import plans_of
from stocktide.entrypoints.overriding import adjust_forecast
from stocktide.foundation.errors import Invalid

ROWS_MAX = 100_000
Wrote = dict[str, list[dict[str, Any]]]


def apply_scenario(
    connection: sa.Connection,
    scope: Scope,
    scenario: Scenario,
    *,
    title: str,
    by: str,
    today: date | None = None,
) -> Wrote:
    """Write what a scenario says, and return the rows by their kind; the caller commits.

    Raises Invalid for what no row can say: a target or a forecast of a supplier's lines, a lead time of less than a
    supplier.
    """
    today = today or datetime.now(UTC).date()
    limits = {name: told for name, told in scope.limits.items() if name != "supplier"}
    wrote: Wrote = {}
    if scenario.fill_rate is not None:
        _need(limits, "A service target")
        told = {**limits, "measure": "fill_rate", "target": scenario.fill_rate}
        wrote["service-targets"] = _put_terms(connection, "service-targets", [told], by)
    if scenario.lead_days is not None:
        wrote["suppliers"] = _put_lead_days(connection, scope, scenario.lead_days, by)
    if scenario.supplier is not None:
        rows = _ranked(connection, scope, scenario.supplier)
        wrote["supplier-products"] = _put_terms(connection, "supplier-products", rows, by)
    last = _last_day(connection, today)
    if scenario.changes_demand_by_plan:
        plans = plans_of(read_facts(connection, today=today), scope, scenario, today, last)
        for kind, plan_rows in plans.items():
            put_plans(connection, kind, plan_rows, by=by)
            wrote[kind] = msgspec.to_builtins(plan_rows)
    if scenario.demand_percent is not None:
        _need(limits, "An override")
        wrote["overrides"] = _override(connection, limits, scenario, title, (today, last), by)
    return wrote


def _need(limits: Mapping[str, str], what: str) -> None:
    if not limits:
        raise Invalid(
            "bad_scope",
            f"{what} is of products or shops, not of a supplier; compare a product, a category or a shop to apply it.",
        )


def _put_terms(
    connection: sa.Connection, kind: str, rows: list[dict[str, Any]], by: str
) -> list[dict[str, Any]]:
    of = kind_of(kind)
    put_rows(connection, of, [msgspec.convert(row, of.shape, strict=False) for row in rows], by=by)
    return rows


def _kept(connection: sa.Connection, kind: str, **only: str) -> list[dict[str, Any]]:
    """Return the terms of a kind that are in force, as they were sent."""
    of = kind_of(kind)
    rows = list_rows(connection, of, only=only, limit=ROWS_MAX)
    names = [name for name in of.fields if name != "known_since"]
    return [{name: row[name] for name in names if row[name] is not None} for row in rows]


def _put_lead_days(
    connection: sa.Connection, scope: Scope, days: int, by: str
) -> list[dict[str, Any]]:
    if set(scope.limits) != {"supplier"}:
        raise Invalid(
            "bad_scope",
            "A lead time is a supplier's; compare all lines of one supplier to apply it.",
        )
    rows = [
        {**row, "lead_days": days}
        for row in _kept(connection, "suppliers", supplier=str(scope.supplier))
    ]
    new = [{"supplier": scope.supplier, "lead_days": days}]
    return _put_terms(connection, "suppliers", rows or new, by)


def _ranked(connection: sa.Connection, scope: Scope, supplier: str) -> list[dict[str, Any]]:
    """Return the offers of the scope's products with the supplier asked first, and who was first after it."""
    pairs = read_facts(connection, today=datetime.now(UTC).date()).pairs
    pairs = pairs[within(pairs, scope)]
    if scope.location or scope.region:
        raise Invalid(
            "bad_scope", "Who sells a product holds for all shops; leave the shop out to apply it."
        )
    wanted = set(pairs["product"])
    rows = [row for row in _kept(connection, "supplier-products") if row["product"] in wanted]
    first = {row["product"] for row in rows if row["supplier"] == supplier}
    return [
        {**row, "rank": 1 if row["supplier"] == supplier else max(2, row["rank"])}
        for row in rows
        if row["product"] in first
    ]


def _last_day(connection: sa.Connection, today: date) -> date:
    """Return the last day of the published forecast."""
    asked = sa.text(
        "SELECT r.cutoff + r.horizon_days FROM published_forecast JOIN forecast_runs r USING (forecast_run_id)"
    )
    found: date | None = connection.execute(asked).scalar()
    return max(today, found or today + timedelta(days=27))


def _override(
    connection: sa.Connection,
    limits: Mapping[str, str],
    scenario: Scenario,
    title: str,
    days: tuple[date, date],
    by: str,
) -> list[dict[str, Any]]:
    first, last = days
    told = {
        **limits,
        "change": "percent",
        "value": scenario.demand_percent,
        "from": first.isoformat(),
        "to": last.isoformat(),
        "reason": "other",
        "note": f"What-if {title}: {scenario.name}"[:500],
        "expires_on": last.isoformat(),
    }
    put_rows(connection, OVERRIDES, [msgspec.convert(told, OverrideIn)], by=by)
    adjust_forecast(connection)
    return [told]
