"""Publication: a run's rows are written, judged and pointed at in one transaction: readers see all of a run or none."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.choosing.scores import CHOSEN
from forecasting.choosing.scores import SCORE_COLUMNS as SCORED
from forecasting.frames.frequency import Grid, grid_of
from forecasting.intervals.probabilities import QUANTILE_COLUMNS
from forecasting.publishing.array_copy import ArrayRows, copy_arrays
from forecasting.publishing.promotion import (
    PromotionRule,
    champion_score,
    error_score,
    total_score,
)
from forecasting.publishing.registry import (
    VersionChange,
    read_champion,
    register,
    register_refresh,
)
from forecasting.structure.hierarchy import Hierarchy
from stocktide.foundation.database import statement

Array = NDArray[np.float64]

# Champions whose days are kept, the present one among them: how far back a rollback reaches.
RUNS_KEPT = 3
# Heads with errors and scores: what the list of experiments can compare.
HEADS_KEPT = 60
ACTUAL_PERIODS = 400
_NEXT_NUMBER = "SELECT nextval(pg_get_serial_sequence('forecast_runs', 'forecast_run_id'))"
DAY_TABLES = (
    "forecast_nodes",
    "forecasts",
    "forecast_actuals",
    "forecast_components",
    "forecast_paths",
)
COPY_BYTES = 1 << 20
SCORE_COLUMNS = ("origin", *SCORED)
__all__ = ["Publication", "next_run_number", "publish", "store_refresh", "store_run"]


@dataclass(frozen=True)
class Publication:
    """All that a run publishes.

    days: (T,) dates of the periods, the cutoff in the last one. grid: the regular grid they lie on (None: days); rows
    are kept by the last day of their period. one_day: sales of a period are dated on one day of it.
    history: (n, T). mean: (n, h). quantiles: (n, h, 13). warnings: (n,) codes or None.
    errors: frame of `evaluate`. names: what people call the values of a key.
    components: additive parts of the published mean by name, (n, days) or, without the leaves, (n - leaves, days),
    units a period over component_days, which end with the horizon; of a leaf the horizon alone is kept.
    leaf_components: the same for the leaves alone, (leaves, h). paths: (n, p, h) joint samples, coherent path by path.
    scores: the backtest, columns SCORE_COLUMNS, candidate "chosen" among them. choice: what it chose (winner, weights,
    winners by level, margin), JSON-able. score, champion_score: errors on the same origins, lower is better; without
    them they are taken from the scores (`total_score`, `champion_score`), else from the errors.
    """

    hierarchy: Hierarchy
    days: pd.DatetimeIndex
    history: Array
    mean: Array
    quantiles: Array
    warnings: Sequence[str | None]
    errors: pd.DataFrame
    names: Mapping[str, Mapping[str, str]]
    method: str
    lake_version: int
    mlflow_run_id: str | None
    detail: Mapping[str, Any]
    components: Mapping[str, Array] = field(default_factory=dict)
    component_days: pd.DatetimeIndex | None = None
    leaf_components: Mapping[str, Array] = field(default_factory=dict)
    paths: Array | None = None
    scores: pd.DataFrame | None = None
    choice: Mapping[str, Any] | None = None
    score: float | None = None
    champion_score: float | None = None
    grid: Grid | None = None
    one_day: bool = False

    @property
    def regular(self) -> Grid:
        """Return the grid of the periods; that of single days where none is given."""
        return grid_of(self.days[-1:], "D") if self.grid is None else self.grid

    @property
    def cutoff(self) -> date:
        """Return the last day that the models saw."""
        cutoff: date = self.regular.last_days(self.days[-1:])[0].date()
        return cutoff

    @property
    def ahead(self) -> pd.DatetimeIndex:
        """Return the last days of the periods of the horizon, (h,)."""
        grid = self.regular
        return grid.last_days(grid.following(self.days[-1], self.mean.shape[1]))


def next_run_number(engine: sa.Engine) -> int:
    """Return the forecast_run_id of a run to come, so that what the lake keeps of it is there before it is published.

    A number that is never used leaves a gap, nothing else.
    """
    with engine.begin() as connection:
        number: int = connection.execute(sa.text(_NEXT_NUMBER)).scalar_one()
    return number


def publish(engine: sa.Engine, publication: Publication, *, run_id: int | None) -> int:
    """Store the run under the default rule (`store_run`); returns its forecast_run_id."""
    return store_run(engine, publication, run_id=run_id).forecast_run_id


def store_run(
    engine: sa.Engine,
    publication: Publication,
    *,
    run_id: int | None,
    rule: PromotionRule | None = None,
    number: int | None = None,
) -> VersionChange:
    """Write the run, make it a version, publish it if the rule says so, drop old days: all or nothing.

    run_id: row of table runs that made it. number: of `next_run_number` (None: a new one). Listeners are told on
    commit, and only of a publication.
    """
    number = next_run_number(engine) if number is None else number
    with engine.begin() as connection:
        _write_run(connection, publication, run_id, number)
        outcome = register(
            connection,
            forecast_run_id=number,
            mlflow_run_id=publication.mlflow_run_id,
            cutoff=publication.cutoff,
            score=_own_score(publication),
            champion_score=_champion_score(connection, publication),
            rule=rule or PromotionRule(),
        )
        prune(connection)
    return outcome


def store_refresh(
    engine: sa.Engine,
    publication: Publication,
    *,
    run_id: int | None,
    parent: int,
    reason: str,
    number: int,
) -> VersionChange:
    """Write a refreshed run and publish it as a version in place of its parent: all or nothing.

    number: of `next_run_number`. Raises Conflict (`refresh_overtaken`) as `register_refresh`.
    """
    with engine.begin() as connection:
        _write_run(connection, publication, run_id, number)
        outcome = register_refresh(
            connection,
            forecast_run_id=number,
            parent=parent,
            cutoff=publication.cutoff,
            score=_own_score(publication),
            reason=reason,
        )
        prune(connection)
    return outcome


def _write_run(
    connection: sa.Connection, publication: Publication, run_id: int | None, number: int
) -> None:
    """Write a run's rows."""
    frames = {
        "forecast_nodes": node_rows(publication),
        "forecasts": forecast_rows(publication),
        "forecast_actuals": actual_rows(publication),
        "forecast_errors": publication.errors,
        "forecast_scores": score_rows(publication),
    }
    _insert_run(connection, publication, run_id, number)
    for table, frame in frames.items():
        _copy(connection, table, frame, number)
    copy_arrays(
        connection,
        "forecast_components",
        ("component", "first_day"),
        number,
        component_rows(publication),
    )
    copy_arrays(connection, "forecast_paths", (), number, path_rows(publication))


def prune(connection: sa.Connection) -> None:
    """Drop the days of runs that are neither published nor in reach of a rollback, and the heads of very old ones."""
    old = (
        connection.execute(statement("forecasting/runs_to_prune"), {"kept": RUNS_KEPT})
        .scalars()
        .all()
    )
    for table in DAY_TABLES:
        connection.execute(
            sa.text(f"DELETE FROM {table} WHERE forecast_run_id = ANY(:old)"),  # noqa: S608 - our own names
            {"old": list(old)},
        )
    connection.execute(
        sa.text("UPDATE forecast_runs SET pruned_at = now() WHERE forecast_run_id = ANY(:old)"),
        {"old": list(old)},
    )
    connection.execute(statement("forecasting/prune_runs"), {"heads_kept": HEADS_KEPT})


def _own_score(publication: Publication) -> float | None:
    if publication.score is not None:
        return publication.score
    scored = total_score(publication.scores, CHOSEN)
    return error_score(publication.errors) if scored is None else scored


def _champion_score(connection: sa.Connection, publication: Publication) -> float | None:
    if publication.champion_score is not None:
        return publication.champion_score
    champion = read_champion(connection)
    return champion_score(publication.scores, champion.choice if champion else None)


def _insert_run(
    connection: sa.Connection, publication: Publication, run_id: int | None, number: int
) -> None:
    connection.execute(
        statement("forecasting/insert_run"),
        {
            "forecast_run_id": number,
            "run_id": run_id,
            "cutoff": publication.cutoff,
            "horizon_days": (publication.ahead[-1].date() - publication.cutoff).days,
            "frequency": publication.regular.frequency,
            "horizon": publication.mean.shape[1],
            "one_day": publication.one_day,
            "method": publication.method,
            "lake_version": publication.lake_version,
            "hierarchy": json.dumps(publication.hierarchy.levels),
            "mlflow_run_id": publication.mlflow_run_id,
            "detail": json.dumps(publication.detail, default=str),
            "choice": None
            if publication.choice is None
            else json.dumps(publication.choice, default=str),
        },
    )


def _copy(connection: sa.Connection, table: str, frame: pd.DataFrame, number: int) -> None:
    """Copy a frame whose columns are the table's; empty fields are null."""
    if frame.empty:
        return
    buffer = io.StringIO()
    frame.assign(forecast_run_id=number).to_csv(buffer, index=False, header=False)
    columns = ", ".join([*frame.columns, "forecast_run_id"])
    raw = connection.connection.driver_connection
    assert raw is not None
    text = buffer.getvalue().encode()
    with (
        raw.cursor() as cursor,
        cursor.copy(f"COPY {table} ({columns}) FROM STDIN (FORMAT csv)") as copy,
    ):
        for start in range(0, len(text), COPY_BYTES):
            copy.write(text[start : start + COPY_BYTES])


def node_rows(publication: Publication) -> pd.DataFrame:
    """Build the rows of forecast_nodes, one per node."""
    nodes = publication.hierarchy.nodes
    keys = [
        {key: row[key] for key in publication.hierarchy.levels[row["level"]]}
        for row in nodes.to_dict("records")
    ]
    names = publication.names
    labels = [
        " · ".join(names.get(key, {}).get(value, value) for key, value in of.items()) for of in keys
    ]
    return nodes[["node_id", "level", "level_name", "unique_id", "parent_id"]].assign(
        label=[label or "Total" for label in labels],
        keys=[json.dumps(of, ensure_ascii=False) for of in keys],
        warning=pd.Series(publication.warnings, dtype=object),
    )


def forecast_rows(publication: Publication) -> pd.DataFrame:
    """Build the rows of forecasts, one per node and period of the horizon."""
    rows = _rows(publication.mean.shape[0], publication.ahead)
    rows["yhat"] = publication.mean.ravel()
    assert publication.quantiles.shape == (*publication.mean.shape, len(QUANTILE_COLUMNS))
    for position, column in enumerate(QUANTILE_COLUMNS):
        rows[column] = publication.quantiles[:, :, position].ravel()
    return rows


def actual_rows(publication: Publication) -> pd.DataFrame:
    """Build the rows of forecast_actuals: the last periods of each node from its first sale on, less a leaf's zeros."""
    history = publication.history[:, -ACTUAL_PERIODS:]
    started = np.maximum.accumulate(publication.history > 0, axis=1)[:, -ACTUAL_PERIODS:]
    shown = started.copy()
    shown[-publication.hierarchy.n_leaves :] &= history[-publication.hierarchy.n_leaves :] > 0
    days = publication.regular.last_days(publication.days[-ACTUAL_PERIODS:])
    rows = _rows(history.shape[0], days)
    rows["y"] = history.ravel()
    return rows[shown.ravel()]


def component_rows(publication: Publication) -> list[ArrayRows]:
    """Build the rows of forecast_components: upper nodes over component_days, leaves over the horizon.

    A part that is 0 on all days of a node has no row.
    """
    n, horizon = publication.mean.shape
    n_upper = n - publication.hierarchy.n_leaves
    starts = publication.ahead[0].date()
    groups: list[ArrayRows] = []
    for name, units in publication.components.items():
        assert publication.component_days is not None
        days = publication.regular.last_days(publication.component_days)
        assert units.shape in ((n, days.size), (n_upper, days.size))
        assert days[-horizon].date() == starts
        groups.append(_without_zeros(0, units[:n_upper], (name, days[0].date())))
        if units.shape[0] == n:
            groups.append(_without_zeros(n_upper, units[n_upper:, -horizon:], (name, starts)))
    for name, units in publication.leaf_components.items():
        assert units.shape == (n - n_upper, horizon)
        groups.append(_without_zeros(n_upper, units, (name, starts)))
    return groups


def _without_zeros(first: int, units: Array, fixed: tuple[str, date]) -> ArrayRows:
    there = np.flatnonzero((units != 0).any(axis=1))
    return ArrayRows(nodes=first + there, units=units[there], fixed=fixed)


def path_rows(publication: Publication) -> list[ArrayRows]:
    """Build the rows of forecast_paths, one per node, (paths, periods)."""
    paths = publication.paths
    if paths is None:
        return []
    n, horizon = publication.mean.shape
    assert paths.shape[0] == n
    assert paths.shape[2] == horizon
    return [ArrayRows(nodes=np.arange(n), units=paths)]


def score_rows(publication: Publication) -> pd.DataFrame:
    """Build the rows of forecast_scores."""
    if publication.scores is None:
        return pd.DataFrame(columns=list(SCORE_COLUMNS))
    return pd.DataFrame(publication.scores[list(SCORE_COLUMNS)])


def _rows(n: int, days: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "node_id": np.repeat(np.arange(n), days.size),
            "ds": np.tile(days.strftime("%Y-%m-%d").to_numpy(dtype=object), n),
        }
    )
