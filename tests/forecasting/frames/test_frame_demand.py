import numpy as np
import pandas as pd
import pytest

from forecasting import ForecastSpec, build_hierarchy, from_long, make_forecast
from forecasting.frames.frame_demand import demand_of
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import LEAVES, weekly_units

KEYS = LEAVES.assign(unique_id=LEAVES["location"] + "/" + LEAVES["product"])


def long_frame(days: int) -> pd.DataFrame:
    units = weekly_units(days)
    return pd.DataFrame(
        {
            "unique_id": np.repeat(KEYS["unique_id"].to_numpy(), days),
            "ds": np.tile(pd.date_range("2025-01-06", periods=days), len(KEYS)),
            "y": units.ravel(),
        }
    )


def test_a_frame_becomes_a_forecast_without_lake_or_database() -> None:
    levels = ((), ("location",), ("location", "product"))
    spec = ForecastSpec(levels=levels, horizon_days=14, candidates=("WLSS additive", "naive"))
    demand = demand_of(from_long(long_frame(100)), KEYS)
    hierarchy = build_hierarchy(levels, demand.leaves)
    made = make_forecast(demand, hierarchy, spec)
    assert made.choice.name == "WLSS additive"
    expected = demand.units[:, -28:].sum() / 2
    assert made.mean[0].sum() == pytest.approx(expected, rel=0.1)


def test_days_without_a_value_say_nothing() -> None:
    frame = long_frame(20).drop(index=[3])
    demand = demand_of(from_long(frame), KEYS.sample(frac=1, random_state=1))
    row = int(
        np.flatnonzero((demand.leaves[["location", "product"]] == ["S1", "P1"]).all(axis=1))[0]
    )
    assert demand.empty.sum() == 1
    assert demand.empty[row, 3]
    assert demand.units[row, 3] == 0


def test_demand_keeps_the_rhythm_of_the_series() -> None:
    weekly = long_frame(60).query("ds.dt.dayofweek == 0")
    demand = demand_of(from_long(weekly), KEYS)
    assert demand.frequency == "W"
    assert demand.days.tolist() == sorted(set(weekly["ds"]))


@pytest.mark.parametrize(
    ("frame", "keys", "code"),
    [
        (long_frame(20), KEYS.drop(columns="unique_id"), "column_missing"),
        (long_frame(20), KEYS.iloc[1:], "keys_missing"),
        (long_frame(20), pd.concat([KEYS, KEYS.iloc[:1]]), "keys_duplicate"),
        (long_frame(20).assign(y=-1.0), KEYS, "value_negative"),
        (long_frame(20).assign(y=0.0), KEYS, "demand_empty"),
        (long_frame(900).query("ds.dt.dayofyear == 1"), KEYS, "frequency_unclear"),
    ],
)
def test_a_frame_that_is_no_demand_names_the_fault(
    frame: pd.DataFrame, keys: pd.DataFrame, code: str
) -> None:
    with pytest.raises(Invalid) as raised:
        demand_of(from_long(frame), keys)
    assert raised.value.code == code
