"""What a replay learns from its past, and how policies are compared."""

import numpy as np
import pytest

from replenishment import Outlook, Outlooks, at_fill_rate, completed_demand
from replenishment.replaying.calibrate import share_between
from replenishment.replaying.since import (
    expected_before,
    level_from,
    level_now,
    level_of,
    level_since,
    moved_paths,
    on_shelf,
    slow_level,
)
from replenishment.replaying.spread import recent_variance, spread_paths


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


def test_a_slow_level_takes_a_run_without_a_sale_for_what_it_is() -> None:
    expected = np.full((70, 1), 4.0)
    # so many years that the units it is sure of do not count
    assert slow_level(2 * expected, expected, season=7) == pytest.approx([2.0], abs=0.01)
    empty = expected.copy()
    empty[-35:] = 0
    # its half-life without a sale, of two half-lives in all: a third of the weight is before
    assert slow_level(empty, expected, season=7) == pytest.approx([1 / 3], abs=0.01)


WEEKS, USUAL = 13, 4.0


def level(
    sold: list[float], before: list[float], ahead: list[float] | None = None, passed: int = 0
) -> float:
    """Return the factor of one line's paths; all lists by week, as days. ahead: what is expected from now on."""
    said = np.repeat(np.array(ahead or [USUAL] * 4, dtype=float), 7)
    paths = np.repeat(said[None, None, :], 3, axis=1)
    units, told = (np.repeat(np.array(of, dtype=float), 7)[:, None] for of in (sold, before))
    expected = expected_before(paths, passed, len(units), 7, told)
    return float(level_of(units, expected, season=7).factor[0])


STEADY = [USUAL] * WEEKS


def test_a_promotion_or_a_season_that_begins_is_not_cancelled() -> None:
    """Sales as they were expected move nothing, whatever is expected of the next weeks."""
    assert level(STEADY, STEADY, [3 * USUAL, USUAL, USUAL, USUAL]) == pytest.approx(1)
    assert level(STEADY, STEADY, [1.3 * USUAL, 2 * USUAL, 3 * USUAL, 3 * USUAL]) == pytest.approx(1)
    # nor does one that is over
    peak = [*STEADY[:-2], 3 * USUAL, 2 * USUAL]
    assert level(peak, peak) == pytest.approx(1)
    # without a word on the past the first week stands for all of it, and does cancel them
    paths = np.repeat(np.repeat([3 * USUAL, USUAL], 7)[None, None, :], 3, axis=1)
    sold = np.full((7 * WEEKS, 1), USUAL)
    guess = expected_before(paths, 0, len(sold), 7)
    assert level_of(sold, guess, season=7).factor < 0.6


def test_sales_that_halved_lower_the_level_and_an_empty_shelf_does_not() -> None:
    fell = [*STEADY[:-3], *[USUAL / 2] * 3]
    assert 0.6 < level(fell, STEADY) < 0.85
    assert level(fell, STEADY) > level([*STEADY[:-5], *[USUAL / 2] * 5], STEADY)
    # three weeks without goods, then four days as ever: unknown weeks count on neither side
    gone, unknown = [*STEADY[:-3], 0, 0, 0], [*STEADY[:-3], *[np.nan] * 3]
    assert level(gone, unknown) == pytest.approx(1)
    assert level([*gone[1:], USUAL], [*unknown[1:], USUAL]) == pytest.approx(1)
    assert level(gone, STEADY) < 0.9


def test_weeks_that_came_after_the_forecast_count_as_its_paths_said() -> None:
    rising = [USUAL, 2 * USUAL, 2 * USUAL, 2 * USUAL]
    assert level([*STEADY, USUAL], STEADY, rising, passed=7) == pytest.approx(1)
    assert level([*STEADY, USUAL, 2 * USUAL], STEADY, rising, passed=14) == pytest.approx(1)
    assert level([*STEADY, USUAL, USUAL], STEADY, rising, passed=14) < 1


def test_a_night_moves_by_what_came_after_its_forecast_alone() -> None:
    rng = np.random.default_rng(8)
    # sales have halved, and the forecast knows: older sales would raise it again
    sold, expected = rng.poisson(3, (91, 4)).astype(float), np.full((91, 4), 3.0)
    sold[:70] *= 2
    assert (level_of(sold, expected, season=7).factor > 1.1).all()
    assert (level_since(sold, expected, 0, season=7).factor == 1).all()
    sold[-6:], expected[-6:, 1] = 1, np.nan
    found = level_since(sold, expected, 6, season=7)
    assert found.factor[1] == 1, "its shelf was empty"
    assert (found.factor[[0, 2, 3]] < 0.97).all()
    assert (level_since(sold, expected, 6, 5.0, season=7).factor[0]) < found.factor[0]
    for line, factor in enumerate(found.factor):
        told = {name: float(of[line]) for name, of in found._asdict().items()}
        assert level_from(told) == pytest.approx(factor)


def test_outlooks_may_go_by_what_came_since_alone() -> None:
    sold = np.full((91, 1), 8.0)
    paths = np.random.default_rng(1).poisson(4, (1, 200, 28))
    before = np.full((60, 1), 4.0)

    def mean(period: int, **more: bool) -> float:
        outlooks = Outlooks(
            [Outlook(0, paths, before=before)], lambda at: sold[: 60 + at], span=7, **more
        )
        return float(outlooks.at(period)[0:1][:, :, :7].mean())

    assert mean(0) > 6
    assert mean(0, since_alone=True) == pytest.approx(4, rel=0.05)
    assert 4.1 < mean(6, since_alone=True) < 6


def test_recent_errors_are_those_of_the_whole_span() -> None:
    rng = np.random.default_rng(3)
    steady, even = rng.poisson(6, (182, 400)).astype(float), np.full((182, 1), 6.0)
    assert recent_variance(even, 8, season=7) == pytest.approx([0.0])
    # 8 periods' own variance, and 64 times that of the mean of some 5 · 7 · 2 / ln 2 periods
    known = 8 * 6 + 64 * 6 * np.log(2) / 70
    assert recent_variance(steady, 8, season=7).mean() == pytest.approx(known, rel=0.05)
    late = np.where(np.arange(182)[:, None] < 150, even, steady[:, :1])
    assert recent_variance(late, 8, season=7) > 0
    assert (recent_variance(even[:14], 8, season=7) == 0).all()


def test_paths_keep_their_order_and_get_the_spread() -> None:
    rng = np.random.default_rng(4)
    paths = rng.poisson([[[30.0]], [[0.02]]], (2, 500, 10)).astype(np.int16)
    factor, variance = np.array([1.5, 1.0]), np.array([3000.0, 8 * 0.02])
    made = spread_paths(paths, factor, variance, 8)
    assert (made >= 0).all()
    before, total = paths[:, :, :8].sum(axis=2), made[:, :, :8].sum(axis=2)
    assert total[0].mean() == pytest.approx(1.5 * before[0].mean(), rel=1e-3)
    assert total[0].var() == pytest.approx((3000 + before[0].var()) / 2, rel=0.02)
    rising = np.argsort(before[0], kind="stable")
    assert (np.diff(total[0][rising]) > 0).all()
    # a line that hardly sells has its days from its mean
    assert total[1].max() > 0
    more = spread_paths(paths, factor, variance + 1000, 8)
    assert more[0, :, :8].sum(axis=1).max() > total[0].max()


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
