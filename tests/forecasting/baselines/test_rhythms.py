import numpy as np
import pytest

from forecasting.baselines.rhythms import (
    last_year,
    last_year_growth,
    moving_average,
    recent_periods,
    seasonal_mean,
    seasonal_naive,
)


def days(years: float) -> np.ndarray:
    return np.arange(round(364 * years), dtype=float)[None, :]


def test_last_year_is_whole_weeks_ago_and_the_last_week_where_there_is_none() -> None:
    Y = days(2)
    for year in (364, 365):
        assert last_year(Y, 3, 7, year).tolist() == [[364, 365, 366]]
    Y[0, 365] = np.nan
    assert last_year(Y, 3, 7, 364).tolist() == [[364, 722, 366]]
    assert last_year(Y[:, 500:], 3, 7, 364).tolist() == [[721, 722, 723]]
    # Beyond a year the year is repeated.
    assert last_year(np.arange(8.0)[None, :], 6, 4, 4).tolist() == [[4, 5, 6, 7, 4, 5]]
    assert last_year(np.arange(9.0)[None, :], 2, 7, 0).tolist() == [[2, 3]]


@pytest.mark.parametrize(("growth", "taken"), [(1.5, 1.5), (9.0, 2.0), (0.1, 0.5)])
def test_last_year_grows_as_the_last_periods_did_within_bounds(growth: float, taken: float) -> None:
    year = np.arange(1.0, 13.0)
    Y = np.concatenate([year, year * growth])[None, :]
    np.testing.assert_allclose(last_year_growth(Y, 12, 12, 12), Y[:, 12:] * taken)
    Y[0, 23] = np.nan
    expected = np.append(Y[0, 12:23] * taken, Y[0, 11])
    np.testing.assert_allclose(last_year_growth(Y, 12, 12, 12)[0], expected)


def test_growth_needs_two_years() -> None:
    Y = np.arange(15.0)[None, :]
    # Three months can be compared: 12 + 13 + 14 over 0 + 1 + 2, far above the bound.
    np.testing.assert_allclose(last_year_growth(Y, 1, 12, 12), 3.0 * 2.0)
    np.testing.assert_allclose(last_year_growth(Y[:, :12], 1, 12, 12), 0.0)
    np.testing.assert_allclose(last_year_growth(Y[:, :5], 1, 12, 12), 4.0)


def test_recent_periods_follow_the_rhythm() -> None:
    rhythms = [(7, 364), (7, 0), (1, 0), (52, 52), (1, 52), (12, 12), (4, 4), (4, 0)]
    assert [recent_periods(*rhythm) for rhythm in rhythms] == [28, 28, 28, 8, 8, 6, 4, 4]


def test_moving_average_is_of_the_last_known_values() -> None:
    Y = np.array([[9.0, 1, np.nan, 2, 6, np.nan], [np.nan] * 6])
    assert moving_average(Y, 2, 3).tolist() == [[3, 3], [0, 0]]


def test_seasonal_mean_is_by_phase_over_eight_weeks_or_two_years() -> None:
    Y = np.concatenate(
        [np.full(7, 900.0), np.repeat(np.arange(8.0), 7) + np.tile(np.arange(7.0), 8)]
    )
    assert seasonal_mean(Y[None, :], 8, 7, 364).tolist() == [[*(np.arange(7) + 3.5), 3.5]]
    years = np.concatenate([np.full(4, 90.0), np.arange(4.0), np.arange(4.0) + 2])[None, :]
    assert seasonal_mean(years, 4, 4, 4).tolist() == [[1, 2, 3, 4]]
    years[0, [4, 8]] = np.nan
    # A phase without values takes the mean of the last four known ones.
    assert seasonal_mean(years, 1, 4, 4).tolist() == [[(3 + 3 + 4 + 5) / 4]]
    assert seasonal_mean(years[:, :2], 3, 4, 4).tolist() == [[90, 90, 90]]


def test_seasonal_naive_of_a_series_shorter_than_its_season() -> None:
    assert seasonal_naive(np.array([[5.0, 8.0]]), 5, 4).tolist() == [[8, 8, 5, 8, 8]]
