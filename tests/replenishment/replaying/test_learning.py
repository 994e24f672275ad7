"""What a replay learns from its past, and how policies are compared."""

import numpy as np
import pytest

from replenishment import Outlook, Outlooks, at_fill_rate, completed_demand
from replenishment.replaying.calibrate import share_between
from replenishment.replaying.since import level_now, moved_paths, on_shelf


def test_an_empty_shelf_counts_as_at_least_what_such_days_asked_for() -> None:
    sold = np.array([[2.0], [9], [4], [9], [1], [9]])
    empty = np.array([[False], [False], [False], [False], [True], [True]])
    found = completed_demand(sold, empty, season=2)
    # the mean of 2 and 4 is more than the 1 that was sold; 9 is no less than what was usual
    assert found[:, 0].tolist() == [2, 9, 4, 9, 3, 9]


def test_a_level_follows_sales_and_not_an_empty_shelf() -> None:
    expected = np.full((21, 1), 4.0)
    assert level_now(expected, expected, 10.0, season=7) == pytest.approx([1.0])
    more = level_now(2 * expected, expected, 10.0, season=7)
    assert 1 < more[0] < 2
    assert level_now(2 * expected, expected, 2.5, season=7) > more
    empty = expected.copy()
    empty[10:18] = 0
    assert not on_shelf(empty, expected)[10:18].any()
    assert level_now(empty, expected, 10.0, season=7) == pytest.approx([1.0])


def test_moved_paths_are_whole_and_keep_their_mean() -> None:
    paths = np.full((2, 4000, 3), 2, dtype=np.int16)
    moved = moved_paths(paths, np.array([1.0, 1.3]))
    assert (moved[0] == 2).all()
    assert (moved == np.rint(moved)).all()
    assert moved[1].mean() == pytest.approx(2.6, abs=0.02)
    # a period is rounded by the same draws a day later
    assert (moved_paths(paths[:, :, 1:], np.array([1.0, 1.3]), passed=1) == moved[:, :, 1:]).all()


def test_outlooks_give_the_newest_that_was_known() -> None:
    made = [Outlook(at, np.full((1, 5, 10), at, dtype=np.int16)) for at in (0, 7)]
    outlooks = Outlooks(made)
    assert outlooks.at(0)[0:1].shape == (1, 5, 10)
    assert (outlooks.at(6)[0:1] == 0).all()
    assert outlooks.at(6)[0:1].shape == (1, 5, 4)
    assert (outlooks.at(7)[0:1] == 7).all()


def test_a_share_lies_between_those_that_were_played() -> None:
    shares, reached = (0.8, 0.95), np.array([0.90, 0.98])
    assert share_between(shares, reached, 0.90) == pytest.approx(0.8)
    assert 0.8 < share_between(shares, reached, 0.95) < 0.95
    assert share_between(shares, reached, 0.99) > 0.95
    assert share_between(shares, reached, 0.85) < 0.8


def test_stock_is_read_off_a_frontier_and_never_beyond_it() -> None:
    frontier = [(0.9, 100.0), (0.99, 200.0)]
    assert at_fill_rate(frontier, 1 - 10**-1.5) == pytest.approx(150)
    assert np.isnan(at_fill_rate(frontier, 0.995))
