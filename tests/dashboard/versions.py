"""Three versions of a small chain's forecast: one that was replaced, the champion, and a challenger that lost."""

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import sqlalchemy as sa
from scipy import stats

from forecasting.frames.frequency import Frequency, Grid
from forecasting.frames.rhythm_found import calendar_grid
from forecasting.intervals.probabilities import QUANTILES
from forecasting.publishing.publish import Publication, store_run
from forecasting.publishing.registry import VersionChange
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy

HORIZON, BACK, HISTORY = 14, 120, 200
PATHS = 20
LEVELS = [[], ["location"], ["location", "product"]]
CANDIDATES = {
    "prophet_additive_WLSS": 0.80,
    "prophet_multiplicative_BU": 0.86,
    "ets": 0.9,
    "theta": 0.95,
    "seasonal_naive": 1.1,
}


def chain() -> Hierarchy:
    leaves = pd.MultiIndex.from_product([["S1", "S2"], ["Apples", "Milk", "Soap"]])
    return build_hierarchy(LEVELS, leaves.to_frame(index=False, name=["location", "product"]))


def store_three(engine: sa.Engine, *, end: date) -> list[VersionChange]:
    """Store them, trained to two days and one day before `end`; the third lost."""
    return [
        store_run(engine, made, run_id=None)
        for made in (
            version(end=end - pd.Timedelta(days=2), chosen=0.84, weekly=1.0, trend=1.0),
            version(end=end - pd.Timedelta(days=1), chosen=0.80, weekly=1.2, trend=1.1),
            version(end=end - pd.Timedelta(days=1), chosen=0.97, weekly=0.5, trend=1.4),
        )
    ]


def by_period(frequency: Frequency, *, end: date, trend: float = 1.0) -> Publication:
    """Make a version by week, month or quarter; its last period is the last one that was over on `end`."""
    grid = calendar_grid(frequency)
    made = version(end=end, chosen=0.8, weekly=0.0, trend=trend, grid=grid)
    parts = {name: of for name, of in made.components.items() if of.any() and "holiday" not in name}
    return replace(made, components=parts)


def version(
    *, end: date, chosen: float, weekly: float, trend: float, grid: Grid | None = None
) -> Publication:
    hierarchy = chain()
    rng = np.random.default_rng(5)
    if grid is None:
        days = pd.date_range(end=pd.Timestamp(end), periods=HISTORY)
        shown = pd.date_range(days[-BACK], periods=BACK + HORIZON)
    else:
        last = int(grid.containing(pd.DatetimeIndex([pd.Timestamp(end) + pd.Timedelta(days=1)]))[0])
        days = grid.dates(np.arange(last - HISTORY, last))
        shown = grid.dates(np.arange(last - BACK, last + HORIZON))
    size = np.array([20.0, 9.0, 2.0, 14.0, 6.0, 1.0])[:, None]
    t = np.arange(shown.size) / shown.size
    week = np.where(shown.dayofweek.to_numpy() >= 5, 0.3, -0.12) * weekly
    year = 0.15 * np.sin(2 * np.pi * shown.dayofyear.to_numpy() / 365.25)
    parts = {
        "trend": size * (0.9 + 0.2 * t) * trend,
        "weekly": size * week,
        "yearly": size * year,
        "holiday: All Saints": size * np.where(shown.dayofyear.to_numpy() == 305, -0.5, 0.0),
        "recent level": size * np.where(shown > days[-1], 0.06 * trend, 0.0),
    }
    components = {name: hierarchy.sum_leaves(part) for name, part in parts.items()}
    mean = np.sum(list(components.values()), axis=0)[:, -HORIZON:]
    spread = np.sqrt(np.maximum(mean, 0.2))
    normal = stats.norm.ppf(QUANTILES)
    noise = rng.normal(size=(hierarchy.n_leaves, PATHS * HORIZON)).reshape(-1, PATHS, HORIZON)
    leaf_paths = np.maximum(
        mean[-hierarchy.n_leaves :, None] + spread[-hierarchy.n_leaves :, None] * noise, 0
    )
    paths = hierarchy.sum_leaves(leaf_paths.reshape(hierarchy.n_leaves, -1)).reshape(
        -1, PATHS, HORIZON
    )
    expected = np.sum(list(parts.values()), axis=0)[:, :BACK]
    sold = np.zeros((hierarchy.n_leaves, HISTORY))
    sold[:, -BACK:] = rng.poisson(np.maximum(expected, 0.1))
    return Publication(
        hierarchy=hierarchy,
        days=days,
        history=hierarchy.sum_leaves(sold),
        mean=mean,
        quantiles=np.maximum(mean[:, :, None] + spread[:, :, None] * normal, 0),
        warnings=[None] * hierarchy.n_nodes,
        errors=_errors(hierarchy),
        names={"location": {"S1": "High Street", "S2": "Mill"}},
        method="WLSS",
        lake_version=12,
        mlflow_run_id=None,
        detail={"nodes": hierarchy.n_nodes},
        components=components,
        component_days=shown,
        grid=grid,
        paths=paths,
        scores=backtest(chosen),
        choice={
            "winner": "prophet_additive_WLSS",
            "changepoint_prior_scale": round(0.05 * trend, 3),
        },
    )


def _errors(hierarchy: Hierarchy) -> pd.DataFrame:
    levels = hierarchy.nodes.drop_duplicates("level")[["level", "level_name"]].to_dict("records")
    rows = [
        {**level, "model": model, "metric": metric, "value": value * (1 + place / 3)}
        for place, level in enumerate(levels)
        for model, metric, value in (
            ("prophet", "wape", 0.08),
            ("seasonal_naive", "wape", 0.12),
            ("prophet", "coverage_80", 0.6),
        )
    ]
    return pd.DataFrame(rows, columns=["level", "level_name", "model", "metric", "value"])


def backtest(chosen: float) -> pd.DataFrame:
    rows = [
        (
            origin,
            level,
            " / ".join(keys) or "total",
            "all",
            candidate,
            "rmsse",
            value * (1 + level / 10) + wiggle,
        )
        for wiggle, origin in ((0.0, "2026-08-01"), (0.02, "2026-09-01"), (-0.02, "2026-10-01"))
        for level, keys in enumerate(LEVELS)
        for candidate, value in {**CANDIDATES, "chosen": chosen}.items()
    ]
    return pd.DataFrame(
        rows,
        columns=["origin", "level", "level_name", "demand_class", "candidate", "metric", "value"],
    )


def drift(engine: sa.Engine, *, end: date) -> None:
    """Twenty days of errors that grow, with an alarm on the last day, at two levels."""
    with engine.begin() as connection:
        for back in range(20):
            for level, name in enumerate(("total", "location")):
                connection.execute(
                    sa.text(
                        "INSERT INTO forecast_drift VALUES (:day, :level, :name, 1, :wape, -0.01, 0.08, :alarm)"
                    ),
                    {
                        "day": end - pd.Timedelta(days=back),
                        "level": level,
                        "name": name,
                        "wape": 0.08 + 0.1 / (1 + back),
                        "alarm": back == 0,
                    },
                )
