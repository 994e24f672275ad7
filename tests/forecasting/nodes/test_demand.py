from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandera.errors
import pytest

from forecasting.lake_demand import read_demand
from forecasting.structure.levels import Levels
from stocktide.foundation.errors import NotFound
from stocktide.foundation.lake import Lake
from tests.forecasting.lakes import FIRST, demand_row, write_lake

LATER = datetime(2026, 1, 1, tzinfo=UTC)
PAIRS: Levels = ((), ("location", "product"))
PRODUCTS: Levels = ((), ("department",), ("product",))


def test_read_demand_is_dense_in_units_and_starts_at_the_first_sale(tmp_path: Path) -> None:
    rows = [
        demand_row(1, 1, 0, 0, received_milli=5000),
        demand_row(1, 1, 2, 1.5),
        demand_row(1, 1, 5, 2, returned_milli=1000),
        demand_row(2, 1, 3, 4),
        demand_row(3, 1, 3, 0, returned_milli=1000),
    ]
    demand = read_demand(write_lake(tmp_path, rows), PAIRS, now=LATER)
    assert list(demand.leaves.columns) == ["product", "location"]
    assert list(demand.leaves["product"]) == ["P1", "P2"]
    assert demand.days[0].date() == FIRST + timedelta(days=2)
    assert demand.cutoff == FIRST + timedelta(days=5)
    np.testing.assert_array_equal(demand.units, [[1.5, 0, 0, 1], [0, 4, 0, 0]])
    assert demand.names["product"]["P1"] == "Milk"
    assert demand.lake_version == 0


def test_read_demand_stops_before_a_day_that_goes_on_somewhere(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, [demand_row(1, 1, day, 1) for day in range(5)])
    # 3 o'clock in London on the fifth day, but still the fourth one in New York.
    now = datetime(2025, 1, 5, 3, 0, tzinfo=UTC)
    assert read_demand(lake, PAIRS, now=now).cutoff == date(2025, 1, 3)
    assert read_demand(lake, PAIRS, now=now + timedelta(hours=3)).cutoff == date(2025, 1, 4)


def test_read_demand_reads_the_version_that_is_pinned(tmp_path: Path) -> None:
    lake = write_lake(tmp_path, [demand_row(1, 1, 0, 1)])
    write_lake(tmp_path, [demand_row(1, 1, 0, 9)])
    assert read_demand(lake, PAIRS, now=LATER, version=0).units.sum() == 1
    newest = read_demand(lake, PAIRS, now=LATER)
    assert (newest.units.sum(), newest.lake_version) == (9, 1)


def test_read_demand_pools_the_rest_when_best_sellers_are_kept(tmp_path: Path) -> None:
    rows = [
        demand_row(product, location, 0, units)
        for product, units in ((1, 9), (2, 1), (3, 5), (4, 2))
        for location in (1, 2)
    ]
    lake = write_lake(tmp_path, rows)
    demand = read_demand(lake, PAIRS, now=LATER, best_sellers=2)
    assert sorted(set(demand.leaves["product"])) == ["(other products)", "P1", "P3"]
    assert demand.units.sum() == 34
    other = demand.leaves["product"] == "(other products)"
    np.testing.assert_array_equal(demand.units[other].ravel(), [3, 3])
    by_department = read_demand(lake, PRODUCTS, now=LATER, best_sellers=2)
    assert "(other products) Food" in set(by_department.leaves["product"])


def test_read_demand_marks_empty_shelves_of_single_pairs_alone(tmp_path: Path) -> None:
    rows = [
        demand_row(1, 1, 0, 5, on_hand_milli=2000),
        demand_row(1, 1, 1, 2, on_hand_milli=0, censored=True),
        demand_row(1, 1, 4, 3, on_hand_milli=7000),
        demand_row(1, 2, 0, 5),
        demand_row(1, 2, 4, 5),
    ]
    lake = write_lake(tmp_path, rows)
    pairs = read_demand(lake, PAIRS, now=LATER)
    np.testing.assert_array_equal(pairs.empty.astype(int), [[0, 1, 1, 1, 0], [0, 0, 0, 0, 0]])
    assert not read_demand(lake, PRODUCTS, now=LATER).empty.any()


def test_read_demand_calls_no_shelf_empty_whose_book_is_below_zero(tmp_path: Path) -> None:
    """A shop that sells five a day and books no delivery: each day is demand, as it stands."""
    rows = [demand_row(1, 1, day, 5, on_hand_milli=-5000 * (day + 1)) for day in (0, 1, 2, 5, 6)]
    demand = read_demand(write_lake(tmp_path, rows), PAIRS, now=LATER)
    assert not demand.empty.any()
    np.testing.assert_array_equal(demand.units, [[5, 5, 5, 0, 0, 5, 5]])


def test_read_demand_says_that_the_lake_is_empty(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="run the ETL first"):
        read_demand(Lake(str(tmp_path / "none")), PAIRS, now=LATER)
    nothing = write_lake(tmp_path / "nothing", [demand_row(1, 1, 0, 0)])
    with pytest.raises(NotFound, match="Nothing was sold"):
        read_demand(nothing, PAIRS, now=LATER)
    with pytest.raises(NotFound, match="no demand up to 2024-12-30"):
        read_demand(nothing, PAIRS, now=datetime(2025, 1, 1, 1, tzinfo=UTC))


def test_read_demand_refuses_a_day_twice_and_negative_units(tmp_path: Path) -> None:
    twice = write_lake(tmp_path / "a", [demand_row(1, 1, 0, 1), demand_row(1, 1, 0, 1)])
    with pytest.raises(pandera.errors.SchemaError, match="not unique"):
        read_demand(twice, PAIRS, now=LATER)
    negative = write_lake(tmp_path / "b", [demand_row(1, 1, 0, 1), demand_row(1, 1, 1, -1)])
    with pytest.raises(pandera.errors.SchemaError, match="units"):
        read_demand(negative, PAIRS, now=LATER)
