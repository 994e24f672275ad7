"""What-if forecasts of the published one: its rows and its run's plans are read, the assumptions undone afterwards."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from deltalake.exceptions import DeltaError
from numpy.typing import NDArray

from forecasting.assuming.assume import assume
from forecasting.assuming.assumed import Assumed
from forecasting.assuming.notes import notes_on
from forecasting.intervals.probabilities import QUANTILE_COLUMNS
from forecasting.known_ahead_tables import (
    PlanContext,
    known_ahead_of,
    read_plan_context,
    read_plans,
)
from forecasting.lake_demand import read_demand
from forecasting.lake_successions import read_successions
from forecasting.lake_unusual import read_unusual_days
from forecasting.nodes.demand import Demand
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.levels import KNOWN_KEYS, parse_levels
from stocktide.foundation.database import statement
from stocktide.foundation.errors import Conflict, NotFound
from stocktide.foundation.lake import Lake

Array = NDArray[np.float64]
# Records the assumptions as plans, in the transaction that it is given; that is never committed.
Change = Callable[[sa.Connection], None]


@dataclass(frozen=True)
class Published:
    """The published forecast. made_at: when its run began. mean: (n, h). quantiles: (n, h, q). nodes: (n rows)."""

    version: int | None
    cutoff: date
    frequency: str
    lake_version: int
    levels: Any
    made_at: datetime
    nodes: pd.DataFrame
    mean: Array
    quantiles: Array


def assume_published(engine: sa.Engine, lake: Lake, spec: ForecastSpec, change: Change) -> Assumed:
    """Predict the published forecast again under changed plans. Nothing is recorded and nothing is published.

    change: records the assumptions as plans (`put_plans`, `withdraw_plan`) on the connection that it is given; this
    transaction is rolled back. The plans that the forecast was made with are those of its run's start. Raises NotFound
    (`nothing_published`), Conflict (`forecast_outdated`), and what `change` raises.
    """
    plans, now = assumed_plans(engine, change)
    successions = read_successions(engine)
    with engine.connect() as connection:
        published = read_published(connection)
        unusual = read_unusual_days(engine, at=published.made_at)
        demand, hierarchy = _demand_of(published, lake, spec, successions, unusual)
        told = read_plan_context(connection, lake, demand, horizon=published.mean.shape[1])
    planned = known_ahead_of(plans_at(plans, published.made_at), told)
    made = assume(
        published,
        replace(demand, ahead=planned),
        hierarchy,
        known_ahead_of(plans, told),
        holidays_country=spec.holidays_country,
    )
    made = replace(made, version=published.version, cutoff=published.cutoff)
    return made.warned(*_notes(plans, now, published, told, made))


def assumed_plans(engine: sa.Engine, change: Change) -> tuple[pd.DataFrame, datetime]:
    """Return all plans (`read_plans`) as they would be with the change, and the instant of it; then undo the change."""
    with engine.connect() as connection:
        try:
            change(connection)
            now: datetime = connection.execute(sa.text("SELECT now()")).scalar_one()
            return read_plans(connection, now=now), now
        finally:
            connection.rollback()


def plans_at(plans: pd.DataFrame, instant: datetime) -> pd.DataFrame:
    """Return the plans that were recorded by an instant, without what was withdrawn later."""
    recorded = _instants(plans["recorded_at"]) <= instant
    withdrawn = _instants(plans["withdrawn_at"])
    then = plans.assign(withdrawn_at=withdrawn.mask(withdrawn > instant))
    return then[recorded].reset_index(drop=True)


def read_published(connection: sa.Connection) -> Published:
    """Read the published forecast. Raises NotFound (`nothing_published`)."""
    head = connection.execute(statement("forecasting/published_head")).mappings().first()
    if head is None:
        raise NotFound(
            "nothing_published", "No forecast is published yet; make one with `stocktide forecast`."
        )
    run = {"forecast_run_id": head["forecast_run_id"]}
    nodes = connection.execute(statement("forecasting/published_nodes"), run)
    units = connection.execute(statement("forecasting/published_units"), run).all()
    values = np.array(units, dtype=np.float64)
    values = values.reshape(-1, head["horizon"], 1 + len(QUANTILE_COLUMNS))
    named = {name: value for name, value in head.items() if name not in ("horizon", *run)}
    return Published(
        **named,
        nodes=pd.DataFrame(nodes.all(), columns=["level_name", "unique_id"]),
        mean=values[:, :, 0],
        quantiles=values[:, :, 1:],
    )


def _demand_of(
    published: Published,
    lake: Lake,
    spec: ForecastSpec,
    successions: pd.DataFrame,
    unusual: pd.DataFrame,
) -> tuple[Demand, Hierarchy]:
    """Read the demand that the forecast was made from. Raises Conflict (`forecast_outdated`) if it is not the same."""
    levels = parse_levels(published.levels)
    try:
        demand = read_demand(
            lake,
            levels,
            now=published.made_at,
            best_sellers=spec.best_sellers,
            version=published.lake_version,
            frequency=spec.frequency,
            successions=successions,
            unusual=unusual,
        )
    except DeltaError as error:
        raise _outdated(published, f"the lake has no version {published.lake_version}") from error
    if (demand.frequency, demand.cutoff) != (published.frequency, published.cutoff):
        raise _outdated(published, f"its last day is now {demand.cutoff}")
    hierarchy = build_hierarchy(levels, demand.leaves, known=KNOWN_KEYS)
    nodes = hierarchy.nodes[["level_name", "unique_id"]].astype(str)
    if not np.array_equal(nodes.to_numpy(), published.nodes.astype(str).to_numpy()):
        raise _outdated(published, "its products, locations or settings are others now")
    return demand, hierarchy


def _outdated(published: Published, why: str) -> Conflict:
    return Conflict(
        "forecast_outdated",
        f"The forecast to {published.cutoff} cannot be predicted again: {why}. Run `stocktide forecast` first.",
    )


def _notes(
    plans: pd.DataFrame, now: datetime, published: Published, told: PlanContext, made: Assumed
) -> list[str]:
    """List which assumptions change nothing, and what else differs from the plans of the published forecast."""
    recorded, ended = _instants(plans["recorded_at"]), _instants(plans["withdrawn_at"])
    new = np.asarray(recorded == now)
    since = (recorded > published.made_at) & ~new | (ended > published.made_at) & (ended < now)
    notes = notes_on(plans[new], plans[~new], told, frequency=made.frequency, days=made.days)
    if not new.any() and not (ended == now).any():
        notes.append("All of it is planned already.")
    if since.any():
        notes.append(
            f"Plans recorded or withdrawn since the forecast was made count, too: {int(since.sum()):,}."
        )
    return notes


def _instants(when: "pd.Series[Any]") -> "pd.Series[pd.Timestamp]":
    return pd.to_datetime(when, utc=True)
