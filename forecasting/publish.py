"""Publication: a run's rows are written and pointed at in one transaction, so readers see all of a run or none."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import sqlalchemy as sa
from numpy.typing import NDArray

from forecasting.hierarchy import Hierarchy
from stocktide.database import statement

Array = NDArray[np.float64]

RUNS_KEPT = 3
ACTUAL_DAYS = 400
CHANNEL = "forecast_published"
QUANTILE_COLUMNS = ("q025", "q10", "q25", "q50", "q75", "q90", "q975")
COPY_BYTES = 1 << 20


@dataclass(frozen=True)
class Publication:
    """All that a run publishes.

    days: (T,) up to the cutoff. history: (n, T). mean: (n, h). quantiles: (n, h, 7). warnings: (n,) codes or None.
    errors: frame of `evaluate`. names: what people call the values of a key.
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

    @property
    def cutoff(self) -> date:
        """Last day that the models saw."""
        cutoff: date = self.days[-1].date()
        return cutoff


def publish(engine: sa.Engine, publication: Publication, *, run_id: int | None) -> int:
    """Write the run, point readers at it, tell listeners, drop runs beyond the newest three: all or nothing.

    run_id: row of table runs that made it. Returns the forecast_run_id.
    """
    frames = {
        "forecast_nodes": node_rows(publication),
        "forecasts": forecast_rows(publication),
        "forecast_actuals": actual_rows(publication),
        "forecast_errors": publication.errors,
    }
    with engine.begin() as connection:
        number = _insert_run(connection, publication, run_id)
        for table, frame in frames.items():
            _copy(connection, table, frame, number)
        connection.execute(statement("forecasting/point_at_run"), {"forecast_run_id": number})
        connection.execute(statement("forecasting/prune_runs"), {"kept": RUNS_KEPT})
        connection.execute(sa.select(sa.func.pg_notify(CHANNEL, str(number))))
    return number


def _insert_run(connection: sa.Connection, publication: Publication, run_id: int | None) -> int:
    number: int = connection.execute(
        statement("forecasting/insert_run"),
        {
            "run_id": run_id,
            "cutoff": publication.cutoff,
            "horizon_days": publication.mean.shape[1],
            "method": publication.method,
            "lake_version": publication.lake_version,
            "hierarchy": json.dumps(publication.hierarchy.levels),
            "mlflow_run_id": publication.mlflow_run_id,
            "detail": json.dumps(publication.detail, default=str),
        },
    ).scalar_one()
    return number


def _copy(connection: sa.Connection, table: str, frame: pd.DataFrame, number: int) -> None:
    """COPY a frame whose columns are the table's; empty fields are null."""
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
    """Make the rows of forecast_nodes, one per node."""
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
    """Make the rows of forecasts, one per node and day of the horizon."""
    n, horizon = publication.mean.shape
    first = publication.days[-1] + pd.Timedelta(days=1)
    rows = _rows(n, pd.date_range(first, periods=horizon, freq="D"))
    rows["yhat"] = publication.mean.ravel()
    for position, column in enumerate(QUANTILE_COLUMNS):
        rows[column] = publication.quantiles[:, :, position].ravel()
    return rows


def actual_rows(publication: Publication) -> pd.DataFrame:
    """Make the rows of forecast_actuals: the last days of each node from its first sale on, a leaf's zeros left out."""
    history = publication.history[:, -ACTUAL_DAYS:]
    started = np.maximum.accumulate(publication.history > 0, axis=1)[:, -ACTUAL_DAYS:]
    shown = started.copy()
    shown[-publication.hierarchy.n_leaves :] &= history[-publication.hierarchy.n_leaves :] > 0
    rows = _rows(history.shape[0], publication.days[-ACTUAL_DAYS:])
    rows["y"] = history.ravel()
    return rows[shown.ravel()]


def _rows(n: int, days: pd.DatetimeIndex) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "node_id": np.repeat(np.arange(n), days.size),
            "ds": np.tile(days.strftime("%Y-%m-%d").to_numpy(dtype=object), n),
        }
    )
