from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from forecasting.demand import read_demand
from forecasting.hierarchy import build_hierarchy
from forecasting.origin import forecast_from
from forecasting.spec import ForecastSpec
from tests.forecasting.lakes import chain_rows, write_lake

SPEC = ForecastSpec(levels=((), ("location",), ("location", "product")), horizon_days=7)


def test_an_origin_does_not_look_beyond_its_last_day(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, chain_rows(120))
    demand = read_demand(lake, SPEC.levels, now=datetime(2026, 1, 1, tzinfo=UTC))
    hierarchy = build_hierarchy(SPEC.levels, demand.leaves)
    units = demand.units.copy()
    units[:, 100:] = 1e6
    one = forecast_from(demand, hierarchy, SPEC, days_known=100)
    other = forecast_from(replace(demand, units=units), hierarchy, SPEC, days_known=100)
    np.testing.assert_array_equal(one.mean, other.mean)
    np.testing.assert_array_equal(one.shape, other.shape)
    np.testing.assert_allclose(one.mean, hierarchy.S @ one.mean[-hierarchy.n_leaves :], rtol=1e-6)


def test_an_empty_shelf_does_not_lower_the_forecast(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, chain_rows(120))
    demand = read_demand(lake, SPEC.levels, now=datetime(2026, 1, 1, tzinfo=UTC))
    hierarchy = build_hierarchy(SPEC.levels, demand.leaves)
    units, empty = demand.units.copy(), demand.empty.copy()
    units[0, 80:110] = 0.0
    empty[0, 80:110] = True
    row = hierarchy.n_nodes - hierarchy.n_leaves + int(np.flatnonzero(hierarchy.leaf_rows == 0)[0])
    bottom_up = replace(SPEC, method="BU")
    seen = forecast_from(replace(demand, units=units), hierarchy, bottom_up, days_known=120)
    masked = forecast_from(
        replace(demand, units=units, empty=empty), hierarchy, bottom_up, days_known=120
    )
    truth = forecast_from(demand, hierarchy, bottom_up, days_known=120)
    assert masked.mean[row].sum() > 1.2 * seen.mean[row].sum()
    np.testing.assert_allclose(masked.mean[row].sum(), truth.mean[row].sum(), rtol=0.15)
