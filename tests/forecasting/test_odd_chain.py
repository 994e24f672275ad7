"""Odd master data, units and zones from the lake to the published forecast: the others are forecast all the same."""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sqlalchemy as sa
from deltalake import write_deltalake

import forecasting.run_experiment
from catalog.frames import read_frame
from forecasting import ForecastSpec, run_forecast
from forecasting.publishing.experiment import TrackingStore
from ingest.ledger.dimensions import LocationIn, put_locations
from stocktide.foundation.lake import Lake
from tests.forecasting.lakes import FIRST, LOCATIONS, PRODUCTS, demand_row, write_lake

DAYS = 70
NOW = datetime.combine(FIRST, datetime.min.time(), UTC) + timedelta(days=DAYS + 2)
SPEC = ForecastSpec(
    levels=((), ("category",), ("region", "location"), ("location", "product")),
    horizon_days=7,
    backtest_origins=1,
)
NAMES = (
    "total", "location / product", "(no category)", "(other products)", "nan", "None", "null", " ", "\\.", '"', "a/b",
    "%2F", "x" * 200, "é\u202e", "1e5", "\t", "a\nb", "'--", "S1", "0",
)  # fmt: skip
CATEGORIES = [None if name == "0" else "" if name == "S1" else name for name in NAMES]
UNITS = (0.001, 9.2e15, 1.0, 3.0)


def odd_lake(folder: Path) -> Lake:
    """A product for each odd name, which is its SKU, name and category; places of odd names and zones."""
    n = len(NAMES)
    rng = np.random.default_rng(5)
    rows = [
        demand_row(
            product + 1, location, day, float(rng.poisson(4) + UNITS[product % 4] * (day == 60))
        )
        for product in range(n)
        for location in (1, 2, 3)
        for day in range(product % 5 * 10, DAYS)
    ]
    lake = write_lake(folder, rows)
    ids = range(1, n + 1)
    same = dict.fromkeys(("sku", "name", "department"), NAMES)
    products = pd.DataFrame({"product_id": ids, **same, "category": CATEGORIES, "unit": "each"})
    places = LOCATIONS.assign(
        code=["total", " ", "a/b"],
        region=np.array([None, "total", " "]),
        timezone=["Mars/Olympus", "UTC", "localtime"],
    )
    for name, frame, kinds in (("products", products, PRODUCTS), ("locations", places, LOCATIONS)):
        schema = pa.schema(
            [(c, pa.int32() if c.endswith("_id") else pa.string()) for c in kinds.columns]
        )
        write_deltalake(
            lake.path(name),  # type: ignore[arg-type]  # a literal
            pa.Table.from_pandas(frame, schema=schema, preserve_index=False),
            mode="overwrite",
        )
    return lake


def test_odd_names_units_and_zones_are_published(database: sa.Engine, tmp_path: Path) -> None:
    report = run_forecast(database, odd_lake(tmp_path), SPEC, now=NOW)
    assert report.published
    assert report.leaves == 3 * len(NAMES)
    with database.connect() as connection:
        forecasts = connection.execute(
            sa.text(
                "SELECT count(*), count(*) FILTER (WHERE yhat >= 0 AND yhat < 1e16) FROM forecasts"
            )
        ).one()
        names = (
            connection.execute(sa.text("SELECT unique_id FROM forecast_nodes WHERE level = 3"))
            .scalars()
            .all()
        )
    assert forecasts[0] == forecasts[1] == report.nodes * 7
    assert len(set(names)) == 3 * len(NAMES)


def test_a_log_of_experiments_that_fails_does_not_stop_the_publication(
    database: sa.Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: object) -> None:
        raise IndexError("no such model")

    monkeypatch.setattr(forecasting.run_experiment, "save_models", failing)
    logging.disable()
    report = run_forecast(
        database,
        odd_lake(tmp_path),
        SPEC,
        now=NOW,
        mlflow=TrackingStore(f"sqlite:///{tmp_path / 'm.db'}"),
    )
    logging.disable(logging.NOTSET)
    assert report.published
    assert report.mlflow_run_id is None
    detail = read_frame(database, "runs", limit=1)["detail"].iloc[0]
    assert detail["mlflow"] == "Not logged: no such model"


def test_a_place_of_an_unknown_zone_does_not_stop_what_asks_for_all_places(
    database: sa.Engine,
) -> None:
    with database.begin() as connection:
        put_locations(connection, [LocationIn("S1"), LocationIn("S2")])
        connection.execute(
            sa.text("UPDATE locations SET timezone = 'Mars/Olympus' WHERE code = 'S1'")
        )
    assert read_frame(database, "running_out").empty
    with database.connect() as connection:
        same = connection.execute(
            sa.text("SELECT local_date(now(), 'Mars/Olympus') = (now() AT TIME ZONE 'UTC')::date")
        )
        assert same.scalar_one()
