"""A scenario is applied: the terms, plans and overrides that it says are written by the stages that keep them."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pandas as pd
import sqlalchemy as sa

from ingest.calendar import put_plans
from ingest.overrides import KIND as OVERRIDES
from ingest.overrides import OverrideIn
from ingest.terms import kind_of, list_rows, put_rows
from purchasing.proposing.facts import read_facts
from purchasing.proposing.prepare import Defaults, prepare
from purchasing.whatif.assumed import within
from purchasing.whatif.scenario import Scenario, Scope
from stocktide.entrypoints.comparing import plans_of
from stocktide.entrypoints.overriding import adjust_forecast
from stocktide.foundation.errors import Invalid
from stocktide.foundation.local_days import business_day

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

    Raises Invalid as `check_scope`, and where nothing is there to be written.
    """
    check_scope(scope, scenario)
    today = today or business_day(connection)
    wrote: Wrote = {}
    if scenario.fill_rate is not None:
        told = {**scope.limits, "measure": "fill_rate", "target": scenario.fill_rate}
        wrote["service-targets"] = _put_terms(connection, "service-targets", [told], by)
    if scenario.lead_days is not None:
        rows = [{"supplier": scope.supplier, "lead_days": scenario.lead_days}]
        wrote["suppliers"] = _put_terms(connection, "suppliers", rows, by)
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
        wrote["overrides"] = _override(connection, scope, scenario, title, (today, last), by)
    if not any(wrote.values()):
        raise Invalid(
            "nothing_written", f"{scenario.name!r} reaches nothing that could be written."
        )
    return wrote


def check_scope(scope: Scope, scenario: Scenario) -> None:
    """Raise Invalid for what no row can say: it would be written for more lines than were compared."""
    is_limited_by = {
        "A service target": scenario.fill_rate is not None,
        "A plan": scenario.changes_demand_by_plan,
        "An override": scenario.demand_percent is not None,
    }
    what = next((what for what, told in is_limited_by.items() if told), None)
    if what is not None and scope.supplier is not None:
        raise Invalid(
            "bad_scope",
            f"{what} is of products or shops, not of the lines of one supplier; compare a product, a category or a "
            "shop without the supplier to apply it.",
        )
    if scenario.lead_days is not None and set(scope.limits) != {"supplier"}:
        raise Invalid(
            "bad_scope",
            "A lead time is a supplier's; compare all lines of one supplier to apply it.",
        )
    if scenario.supplier is not None and (scope.location or scope.region):
        raise Invalid(
            "bad_scope", "Who sells a product holds for all shops; leave the shop out to apply it."
        )


def _put_terms(
    connection: sa.Connection, kind: str, rows: list[dict[str, Any]], by: str
) -> list[dict[str, Any]]:
    """Put terms; what they do not say stays as it is."""
    of = kind_of(kind)
    shaped = [msgspec.convert(row, of.shape, strict=False) for row in rows]
    put_rows(connection, of, shaped, by=by, told=[row.keys() for row in rows])
    return rows


def _ranked(connection: sa.Connection, scope: Scope, supplier: str) -> list[dict[str, Any]]:
    """Return the offers of the scope's products with the supplier asked first, and who was first after it."""
    today = business_day(connection)
    facts = read_facts(connection, today=today)
    # with the supplier that each line is ordered from now
    lines = prepare(
        facts, pd.Series(dtype=float), today=today, defaults=Defaults(), every=True
    ).rows
    wanted = set(lines.loc[within(lines, scope), "product"]) if len(lines) else set()
    sold = list_rows(connection, kind_of("supplier-products"), limit=ROWS_MAX)
    rows = [row for row in sold if row["product"] in wanted]
    first = {row["product"] for row in rows if row["supplier"] == supplier}
    return [
        {
            "supplier": row["supplier"],
            "product": row["product"],
            "rank": 1 if row["supplier"] == supplier else max(2, row["rank"]),
        }
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
    scope: Scope,
    scenario: Scenario,
    title: str,
    days: tuple[date, date],
    by: str,
) -> list[dict[str, Any]]:
    first, last = days
    told = {
        **scope.limits,
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
