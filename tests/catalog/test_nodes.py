from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from catalog.nodes import (
    OTHER,
    ROUNDING,
    components,
    locate_node,
    read_parts,
    read_paths,
    what_moved,
)
from forecasting.publishing.publish import publish
from tests.dashboard.versions import HORIZON, PATHS, store_three, version
from tests.forecasting.publications import publication

TODAY = datetime.now(UTC).date()


def test_parts_of_the_published_run_add_up_to_its_forecast(database: sa.Engine) -> None:
    store_three(database, end=TODAY)
    parts = read_parts(database, 0)
    assert set(parts["side"]) == {"now", "before"}
    mine = components(parts)
    assert set(mine["component"]) == {
        "trend",
        "weekly",
        "yearly",
        "holiday: All Saints",
        "recent level",
    }
    by_day = mine.groupby("ds")["units"].sum().tail(HORIZON)
    mean = parts[(parts["side"] == "now") & parts["component"].isna()].set_index("ds")["units"]
    pd.testing.assert_series_equal(by_day, mean, check_names=False, check_freq=False, rtol=1e-4)


def test_paths_add_up_over_children(database: sa.Engine) -> None:
    made = version(end=TODAY, chosen=0.8, weekly=1.0, trend=1.0)
    publish(database, made, run_id=None)
    top, *shops = (read_paths(database, node) for node in range(3))
    assert top["path"].nunique() == PATHS
    assert top["ds"].iloc[0] == pd.Timestamp(TODAY) + pd.Timedelta(days=1)
    np.testing.assert_allclose(top["units"], sum(shop["units"] for shop in shops), rtol=1e-5)
    assert read_paths(database, 999).empty


def test_what_moved_explains_the_whole_change_over_the_days_that_both_forecast(
    database: sa.Engine,
) -> None:
    store_three(database, end=TODAY)
    moves = what_moved(read_parts(database, 1))
    assert moves is not None
    assert moves.versions == (1, 2)
    assert moves.periods == HORIZON - 1
    assert moves.causes["cause"].iloc[0] == "trend"
    assert moves.causes["change"].abs().is_monotonic_decreasing
    assert moves.causes["change"].sum() == pytest.approx(moves.now - moves.before, rel=1e-4)
    assert OTHER not in moves.causes["cause"].tolist()


def test_what_moved_is_none_when_there_is_one_version_or_no_day_in_common(
    database: sa.Engine,
) -> None:
    publish(database, version(end=TODAY, chosen=0.8, weekly=1.0, trend=1.0), run_id=None)
    assert what_moved(read_parts(database, 0)) is None
    old = TODAY - pd.Timedelta(days=60)
    publish(database, version(end=old, chosen=0.8, weekly=1.0, trend=1.0), run_id=None)
    assert what_moved(read_parts(database, 0)) is None
    assert read_parts(database, 999).empty


def test_what_moved_calls_what_no_part_explains_other(database: sa.Engine) -> None:
    for _ in range(2):
        publish(database, publication(), run_id=None)
    moves = what_moved(read_parts(database, 0))
    assert moves is not None
    assert moves.causes["cause"].tolist() == [OTHER]
    assert moves.causes["change"].tolist() == [0.0]


PARTS = st.dictionaries(
    st.sampled_from(["trend", "weekly", "promo"]), st.floats(-50, 50), max_size=3
)


@given(before=PARTS, now=PARTS, rest=st.floats(-20, 20))
def test_what_moved_always_adds_up(
    before: dict[str, float], now: dict[str, float], rest: float
) -> None:
    rows = [
        {
            "side": side,
            "version": 1,
            "cutoff": TODAY,
            "frequency": "D",
            "component": name,
            "ds": pd.Timestamp(TODAY),
            "units": units,
        }
        for side, parts, extra in (("before", before, 0.0), ("now", now, rest))
        for name, units in [*parts.items(), (None, sum(parts.values()) + extra)]
    ]
    moves = what_moved(pd.DataFrame(rows))
    assert moves is not None
    # a rest that rounding explains, of either side, is no cause of its own
    rounded = 2 * ROUNDING * max(moves.before, moves.now, 1.0)
    change = moves.causes["change"].sum()
    assert change == pytest.approx(moves.now - moves.before, abs=1.001 * rounded)


def test_locate_node_takes_levels_with_and_without_spaces(database: sa.Engine) -> None:
    store_three(database, end=TODAY)
    milk = locate_node(database, "S1/Milk")
    assert locate_node(database, "location / product/S1/Milk") == milk
    assert locate_node(database, "location/product/S1/Milk") == milk
    assert locate_node(database, "total") == 0
