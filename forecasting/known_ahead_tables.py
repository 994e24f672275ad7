"""Known-ahead data, from the tables of plans and the lake to arrays of leaves by periods."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import pandas as pd
import sqlalchemy as sa

from forecasting.experts.shopping_days import has_holidays
from forecasting.lake_prices import read_realised
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import EVENT_COLUMNS, WHOLE, KnownAhead, PlannedRegressor
from forecasting.nodes.plan_leaves import SCOPE
from forecasting.nodes.plan_regressors import (
    Realised,
    plain_regressor,
    price_regressor,
    promotion_regressor,
)
from forecasting.nodes.plans import Periods, periods_of
from stocktide.foundation.database import statement
from stocktide.foundation.lake import Lake

PRICE, PROMOTION = "price", "promotion"


@dataclass(frozen=True)
class PlanContext:
    """Data that plans are compared with: the periods of a demand and its horizon, all keys of its leaves, and actuals.

    leaf_keys: (m rows), columns SCOPE. n_history: periods that are over. last: date of the last of these.
    """

    periods: Periods
    leaf_keys: pd.DataFrame
    realised: Realised
    n_history: int
    last: pd.Timestamp


def read_known_ahead(
    engine: sa.Engine, lake: Lake, demand: Demand, *, horizon: int, now: datetime
) -> KnownAhead:
    """Read what is known at `now` (aware) of a demand's leaves, over its T periods and `horizon` more.

    Past periods hold the prices and promotions that were, later ones the plans; where the lake never told of a leaf's
    price or promotion, its plans are used for the past, too. A price stays what it was last where no other is planned.
    """
    with engine.connect() as connection:
        plans = read_plans(connection, now=now)
        told = read_plan_context(connection, lake, demand, horizon=horizon)
    return known_ahead_of(plans, told)


def read_plans(connection: sa.Connection, *, now: datetime) -> pd.DataFrame:
    """Read every plan that is known at `now` (aware), in force or ended since, in the order of recording."""
    return _frame(connection, "forecasting/calendar_plans", now=now)


def read_plan_context(
    connection: sa.Connection, lake: Lake, demand: Demand, *, horizon: int
) -> PlanContext:
    """Read what the plans of a demand's leaves are held against."""
    days = pd.DatetimeIndex(demand.days.append(demand.following(horizon)))
    periods = periods_of(days, demand.grid)
    products = _frame(connection, "forecasting/product_keys").astype({"product_id": np.int64})
    locations = _frame(connection, "forecasting/location_keys").astype({"location_id": np.int64})
    return PlanContext(
        periods=periods,
        leaf_keys=keys_of_leaves(demand.leaves, products, locations),
        realised=read_realised(lake, demand, periods, products, locations),
        n_history=demand.days.size,
        last=demand.days[-1],
    )


def known_ahead_of(plans: pd.DataFrame, told: PlanContext) -> KnownAhead:
    """Turn plans, as of `read_plans`, into what is known ahead of the leaves."""
    leaf_keys, periods, realised = told.leaf_keys, told.periods, told.realised
    kind = _by_kind(plans)
    events, ended = split_events(kind("events"), told.last)
    made: dict[str, PlannedRegressor | None] = {
        PRICE: price_regressor(kind("prices"), kind("promotions"), leaf_keys, periods, realised),
        PROMOTION: promotion_regressor(kind("promotions"), leaf_keys, periods, realised),
    }
    for name, some in kind("regressors").groupby("label"):
        made[str(name)] = plain_regressor(some, some["value"], leaf_keys, periods, told.n_history)
    shut = kind("closures")
    closures = plain_regressor(shut, shut["is_closed"], leaf_keys, periods, told.n_history)
    return KnownAhead(
        events=events,
        ended_events=ended,
        # one that never differs from 0 has no effect
        regressors={
            name: one for name, one in made.items() if one is not None and one.values.any()
        },
        closed=None if closures is None else np.asarray(closures.values >= WHOLE),
        closures=closures,
        countries=leaf_keys["country"].fillna("").to_numpy(dtype=np.str_),
        leaf_keys=leaf_keys,
    )


def with_known_ahead(
    engine: sa.Engine, lake: Lake, demand: Demand, *, horizon: int, now: datetime
) -> Demand:
    """Return the demand with all that is known ahead of its leaves, and a warning for countries without holidays."""
    ahead = read_known_ahead(engine, lake, demand, horizon=horizon, now=now)
    unknown = _without_holidays(ahead)
    return replace(demand, ahead=ahead, warnings=(*demand.warnings, *unknown))


def _without_holidays(ahead: KnownAhead) -> list[str]:
    given = np.unique(ahead.countries) if ahead.countries is not None else ()
    return [
        f"No holidays of {str(code)!r} are known, the country of some locations: use an ISO code such as DE. "
        "Its holidays are not forecast."
        for code in given
        if code and not has_holidays(str(code))
    ]


def keys_of_leaves(
    leaves: pd.DataFrame, products: pd.DataFrame, locations: pd.DataFrame
) -> pd.DataFrame:
    """Return all keys of each leaf, columns SCOPE: its own, and those that follow from its product and location."""
    keys = leaves.reindex(columns=[*SCOPE]).astype(object)
    for of, known in (("product", products), ("location", locations)):
        follows = known.drop_duplicates(of).set_index(of)
        for name in (key for key in SCOPE if key in follows.columns and key not in leaves.columns):
            keys[name] = keys[of].map(follows[name])
    return keys.where(keys.notna(), None)


def _frame(connection: sa.Connection, name: str, **bound: object) -> pd.DataFrame:
    result = connection.execute(statement(name), bound)
    return pd.DataFrame(result.all(), columns=list(result.keys()))


def _by_kind(plans: pd.DataFrame) -> Callable[[str], pd.DataFrame]:
    """Return a function from a kind to its plans, in the order of recording."""
    groups: Mapping[object, pd.DataFrame] = dict(iter(plans.groupby("kind")))
    return lambda kind: groups.get(kind, plans.iloc[:0]).reset_index(drop=True)


def split_events(plans: pd.DataFrame, cutoff: pd.Timestamp) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the events in force, and those changed or taken back. What is known now counts as known at the cutoff."""
    if plans.empty:
        empty = pd.DataFrame(columns=[*EVENT_COLUMNS])
        return empty, empty.assign(withdrawn=pd.Series(dtype="datetime64[ns]"))
    limits = [key for key in SCOPE if plans[key].notna().any()]
    events = plans.assign(
        name=plans["label"],
        day=pd.to_datetime(plans["day"]),
        days_before=plans["days_before"].astype(np.int64),
        days_after=plans["days_after"].astype(np.int64),
        recorded=_day(plans["known_since"], cutoff),
        withdrawn=_day(plans["withdrawn_at"], cutoff),
    )[[*EVENT_COLUMNS, *limits, "withdrawn"]]
    in_force = events["withdrawn"].isna()
    return (
        events[in_force].drop(columns="withdrawn").reset_index(drop=True),
        events[~in_force].reset_index(drop=True),
    )


def _day(instants: pd.Series, cutoff: pd.Timestamp) -> pd.Series:
    """Return the day (UTC) of instants, the cutoff for later ones; missing ones stay so."""
    days = pd.to_datetime(instants, utc=True).dt.tz_localize(None).dt.normalize()
    return days.mask(days > cutoff, cutoff)
