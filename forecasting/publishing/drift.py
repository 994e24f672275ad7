"""Drift: how far the published forecast was off since, per level, and whether that asks for retraining."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import pandas as pd
import sqlalchemy as sa

from forecasting.nodes.demand import pool_names
from forecasting.nodes.unnamed import with_names
from forecasting.publishing.cusum import alarms
from forecasting.structure.levels import KNOWN_KEYS
from stocktide.domain.pools import OTHER_PRODUCTS
from stocktide.foundation.database import statement

# Periods that ended so many days before the newest one are judged again at each check, for sales that came late.
LATE_DAYS = 3
# How many periods back the sums that make an alarm begin.
RECORD_PERIODS = 120


@dataclass(frozen=True)
class DriftReport:
    """Report of a check. judged: periods. alarmed: new alarms as (level name, last day). asked: for retraining.

    frequency: of the champion's periods, D, W, M or Q; D without a champion.
    """

    judged: int
    last_day: date | None
    alarmed: tuple[tuple[str, date], ...]
    asked: bool
    frequency: str = "D"


def check_drift(engine: sa.Engine, *, now: datetime, ask: Callable[[], object]) -> DriftReport:
    """Judge the periods that ended since the last check, and ask for retraining where a level alarms newly.

    A week, month or quarter is judged when it is over, by the sum of its days. now: aware. ask: called at most once,
    before anything is kept; if it raises, the next check asks again.
    """
    with engine.begin() as connection:
        frequency = connection.execute(statement("forecasting/champion_rhythm")).scalar() or "D"
        periods = connection.execute(
            statement("forecasting/judged_days"), {"now": now, "late_days": LATE_DAYS}
        ).all()
        for run_id in sorted({row.forecast_run_id for row in periods}):
            _judge_run(
                connection, run_id, [row for row in periods if row.forecast_run_id == run_id]
            )
        alarmed = _alarm(connection)
        if alarmed:
            ask()
    newest = periods[-1].day if periods else None
    return DriftReport(len(periods), newest, tuple(alarmed), bool(alarmed), frequency=frequency)


def _judge_run(connection: sa.Connection, run_id: int, periods: Sequence[Any]) -> None:
    """Judge one run. periods: rows of the query judged_days."""
    days = [period.day for period in periods]
    first_days = [period.first_day for period in periods]
    came = pd.DataFrame(
        connection.execute(
            statement("forecasting/units_of_days"), {"first_days": first_days, "days": days}
        ).all(),
        columns=["day", *_KEYS_OF_UNITS, "units"],
    )
    expected = {
        row.level: row.expected_wape
        for row in connection.execute(
            statement("forecasting/expected_errors"), {"forecast_run_id": run_id}
        )
    }
    for period in periods:
        day = period.day
        forecast = pd.DataFrame(
            connection.execute(
                statement("forecasting/nodes_of_day"), {"forecast_run_id": run_id, "day": day}
            ).all(),
            columns=["level", "level_name", "keys", "yhat"],
        )
        errors = level_errors(forecast, came[came["day"] == day])
        for level, name, wape, bias in errors.itertuples(index=False, name=None):
            connection.execute(
                statement("forecasting/keep_drift"),
                {
                    "day": day,
                    "level": level,
                    "level_name": name,
                    "forecast_run_id": run_id,
                    "wape": _known(wape),
                    "bias": _known(bias),
                    "expected_wape": expected.get(level),
                    "frequency": period.frequency,
                },
            )


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


_KEYS_OF_UNITS = ["product", "department", "category", "location", "region", "country"]


def level_errors(forecast: pd.DataFrame, came: pd.DataFrame) -> pd.DataFrame:
    """Compare one period's forecast with actuals, per level.

    forecast: level, level_name, keys (dict), yhat (units). came: a column per key, units; one row a product and
    location. Returns level, level_name, wape and bias as shares of actuals (NaN where they are 0); actuals outside
    all of a level's nodes counts as forecast 0.
    """
    came, _ = with_names(came, [key for key in _KEYS_OF_UNITS if key in came])
    came = pool_unknown(came, forecast["keys"])
    rows = []
    for (level, name), nodes in forecast.groupby(["level", "level_name"], sort=True):
        keys = list(nodes["keys"].iloc[0])
        total = came["units"].sum()
        if keys:
            node = pd.MultiIndex.from_frame(pd.DataFrame(nodes["keys"].tolist())[keys].astype(str))
            mine = came.assign(**{key: came[key].astype(str) for key in keys})
            actual = mine.groupby(keys)["units"].sum()
            actual.index = pd.MultiIndex.from_arrays(
                [actual.index.get_level_values(key) for key in keys], names=keys
            )
            predicted = pd.Series(nodes["yhat"].to_numpy(), index=node)
            error = predicted.sub(actual, fill_value=0.0)
        else:
            error = nodes["yhat"] - total
        share = 1 / total if total > 0 else float("nan")
        rows.append((level, name, error.abs().sum() * share, error.sum() * share))
    return pd.DataFrame(rows, columns=["level", "level_name", "wape", "bias"])


def pool_unknown(came: pd.DataFrame, keys: "pd.Series[Any]") -> pd.DataFrame:
    """Rename products that the run pooled as it named its pool (see `pool_products`); leave others as they are."""
    named = {str(of["product"]) for of in keys if "product" in of}
    if not any(name.startswith(OTHER_PRODUCTS) for name in named):
        return came
    used = [key for key in KNOWN_KEYS if any(key in of for of in keys)]
    known = came["product"].isin(named)
    return came.assign(product=came["product"].where(known, pool_names(came, used)))


def _alarm(connection: sa.Connection) -> list[tuple[str, date]]:
    """Update the alarms over the whole record. Returns the new ones, of periods just judged, oldest first."""
    rows = connection.execute(
        statement("forecasting/drift_record"), {"periods": RECORD_PERIODS}
    ).all()
    record = pd.DataFrame(
        rows, columns=["day", "level", "level_name", "wape", "bias", "expected_wape", "alarm"]
    )
    found: list[tuple[str, date]] = []
    for name, of in record.groupby("level_name", sort=False):
        known = of[["wape", "bias", "expected_wape"]].astype("float64")
        now = alarms(*(known[column].to_numpy() for column in known))
        newest = of["day"].iloc[-(LATE_DAYS + 1) :]
        for day, level, before, alarm in zip(of["day"], of["level"], of["alarm"], now, strict=True):
            if bool(alarm) == before:
                continue
            connection.execute(
                sa.text(
                    "UPDATE forecast_drift SET alarm = :alarm WHERE day = :day AND level = :level"
                ),
                {"alarm": bool(alarm), "day": day, "level": level},
            )
            if alarm and (newest == day).any():
                found.append((str(name), day))
    return sorted(found, key=lambda item: (item[1], item[0]))
