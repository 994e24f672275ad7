import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from forecasting import ForecastSpec, KnownAhead, PlannedRegressor, from_long, make_forecast
from forecasting.frames.frame_demand import demand_of
from forecasting.frames.longer_history import Longer
from forecasting.nodes.origin import origin_at
from forecasting.structure.hierarchy import build_hierarchy
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import RATES
from tests.forecasting.frames.test_frame_demand import KEYS

pytestmark = pytest.mark.slow

LEVELS = ((), ("location",), ("location", "product"))
KNOWN, SHORT = 900, 120
DAYS = pd.date_range("2022-01-03", periods=KNOWN)


def sold(days: int = KNOWN + 28) -> NDArray[np.float64]:
    """Demand with a strong year, of which 120 days show nothing."""
    season = 1 + 0.6 * np.sin(2 * np.pi * np.arange(days) / 365.25)
    rng = np.random.default_rng(1)
    units: NDArray[np.float64] = rng.poisson(RATES[:, None] * 10 * season).astype(np.float64)
    return units


def leaves() -> pd.DataFrame:
    since = KNOWN - SHORT
    return pd.DataFrame(
        {
            "unique_id": np.repeat(KEYS["unique_id"].to_numpy(), SHORT),
            "ds": np.tile(DAYS[since:], len(KEYS)),
            "y": sold()[:, since:KNOWN].ravel(),
        }
    )


def total(days: int = KNOWN) -> pd.DataFrame:
    return pd.DataFrame({"ds": DAYS[:days], "y": sold()[:, :days].sum(axis=0)})


def by_shop() -> pd.DataFrame:
    units = pd.DataFrame(sold()[:, :KNOWN]).groupby(KEYS["location"].to_numpy()).sum()
    return pd.DataFrame(
        {
            "location": np.repeat(units.index.to_numpy(), KNOWN),
            "ds": np.tile(DAYS, len(units)),
            "y": units.to_numpy().ravel(),
        }
    )


def test_an_upper_level_is_forecast_by_a_year_that_no_leaf_knows() -> None:
    spec = ForecastSpec(levels=LEVELS, horizon_days=28)
    came = sold()[:, KNOWN:].sum(axis=0)
    wape = []
    choices: tuple[Longer | None, ...] = (None, {(): total()})
    for longer in choices:
        demand = demand_of(from_long(leaves()), KEYS, longer=longer)
        made = make_forecast(demand, build_hierarchy(LEVELS, demand.leaves), spec)
        np.testing.assert_allclose(made.mean[-12:].sum(axis=0), made.mean[0], rtol=1e-6)
        wape.append(np.abs(made.mean[0] - came).sum() / came.sum())
    assert wape[1] < 0.75 * wape[0]


def test_each_level_has_its_own_past_and_the_sum_of_its_leaves_since() -> None:
    shops = by_shop()
    gone = shops.query("not (location == 'S2' and ds == @DAYS[7])")
    demand = demand_of(
        from_long(leaves()), KEYS, longer={(): total(KNOWN - 200), ("location",): gone}
    )
    assert demand.units.shape == (12, KNOWN)
    assert demand.empty[:, : KNOWN - SHORT].all()
    origin = origin_at(demand, build_hierarchy(LEVELS, KEYS), days_known=KNOWN, horizon=7)
    expected = sold()[:, :KNOWN].sum(axis=0)
    np.testing.assert_array_equal(origin.Y[0, : KNOWN - 200], expected[: KNOWN - 200])
    assert np.isnan(origin.Y[0, KNOWN - 200 : KNOWN - SHORT]).all()
    np.testing.assert_array_equal(origin.Y[0, KNOWN - SHORT :], expected[KNOWN - SHORT :])
    assert np.flatnonzero(np.isnan(origin.Y[2])).tolist() == [7]
    assert np.isnan(origin.Y[-12:, : KNOWN - SHORT]).all()


def test_replaced_products_hand_over_their_longer_history_too() -> None:
    units = pd.DataFrame(sold()[:, :KNOWN]).groupby(KEYS["product"].to_numpy()).sum()
    by_product = pd.DataFrame(
        {
            "product": np.repeat(units.index.to_numpy(), KNOWN),
            "ds": np.tile(DAYS, len(units)),
            "y": units.to_numpy().ravel(),
        }
    )
    successions = pd.DataFrame({"product": ["P2"], "replaces": ["P1"], "from": [DAYS[-5]]})
    demand = demand_of(
        from_long(leaves()), KEYS, successions=successions, longer={("product",): by_product}
    )
    frame, longer = demand.longer["product",]
    p1, p2 = (frame["product"].tolist().index(name) for name in ("P1", "P2"))
    expected = units.loc["P1"].to_numpy() + units.loc["P2"].to_numpy()
    np.testing.assert_allclose(longer[p2, : KNOWN - 5], expected[: KNOWN - 5])
    assert np.isnan(longer[p1, : KNOWN - SHORT]).all() or not longer[p1, : KNOWN - SHORT].any()


def test_what_is_known_ahead_stays_on_its_days() -> None:
    values = np.zeros((12, SHORT + 7))
    values[3, 5] = 1.0
    recorded = np.full(values.shape, 4)
    closed = np.zeros(values.shape, np.bool_)
    closed[2, 9] = True
    ahead = KnownAhead(regressors={"promotion": PlannedRegressor(values, recorded)}, closed=closed)
    demand = demand_of(from_long(leaves()), KEYS, ahead=ahead, longer={(): total()})
    more = KNOWN - SHORT
    moved = demand.ahead.regressors["promotion"].at(more + 5)
    assert np.argwhere(moved).tolist() == [[3, more + 5]]
    assert not demand.ahead.regressors["promotion"].at(more + 4).any()
    assert demand.ahead.closed is not None
    assert np.argwhere(demand.ahead.closed).tolist() == [[2, more + 9]]


def test_what_promotions_moved_is_taken_out_of_the_longer_level_too() -> None:
    values = np.random.default_rng(3).random((12, SHORT + 7)) < 0.2
    frame = leaves()
    frame["y"] *= np.where(values[:, :SHORT].ravel(), 3.0, 1.0)
    ahead = KnownAhead(regressors={"promotion": PlannedRegressor(values.astype(np.float64))})
    found = []
    # whole years, so that blocks of weeks are the same ones
    choices: tuple[Longer | None, ...] = (None, {(): total().iloc[KNOWN - SHORT - 728 :]})
    for longer in choices:
        demand = demand_of(from_long(frame), KEYS, ahead=ahead, longer=longer)
        hierarchy = build_hierarchy(LEVELS, demand.leaves)
        origin = origin_at(demand, hierarchy, days_known=demand.days.size, horizon=7)
        found.append(origin.Y[0, -SHORT:])
    assert found[0].sum() < 0.85 * frame["y"].sum()
    np.testing.assert_allclose(found[1], found[0], rtol=1e-3)


def test_rows_that_begin_no_earlier_change_nothing() -> None:
    late = total().iloc[-SHORT:]
    plain = demand_of(from_long(leaves()), KEYS)
    demand = demand_of(from_long(leaves()), KEYS, longer={(): late})
    assert demand.days.equals(plain.days)
    assert not demand.longer


@pytest.mark.parametrize(
    ("keys", "frame", "code"),
    [
        ((), total().drop(columns="y"), "column_missing"),
        (("brand",), total().assign(brand="X"), "column_missing"),
        (("location",), total().assign(location="S9"), "node_unknown"),
        ((), total().assign(y=-1.0), "value_negative"),
        ((), pd.concat([total(), total()]), "ds_duplicate"),
        ((), total().assign(ds="soon"), "ds_invalid"),
    ],
)
def test_a_history_that_is_none_names_the_fault(
    keys: tuple[str, ...], frame: pd.DataFrame, code: str
) -> None:
    with pytest.raises(Invalid) as raised:
        demand_of(from_long(leaves()), KEYS, longer={keys: frame})
    assert raised.value.code == code
