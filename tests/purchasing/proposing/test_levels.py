"""The spread that sales have now, where a goal is of all lines, and the words of a level."""

from datetime import date, timedelta

import numpy as np
import pytest

from purchasing.proposing.arrays import Future
from purchasing.proposing.levels import at_spread_of_now, level_words, spans_of
from replenishment import lead_times_of, recent_variance, spread_paths

TODAY, LINES, PATHS, DAYS = date(2026, 3, 2), 3, 100, 14


def test_each_line_has_the_spread_over_its_own_span_as_the_replay_has_it() -> None:
    rng = np.random.default_rng(2)
    paths = rng.poisson(5, (LINES, PATHS, DAYS)).astype(np.float32)
    sold = rng.poisson([3.0, 5.0, 9.0], (120, LINES)).astype(float)
    starts = [TODAY + timedelta(days=day) for day in range(DAYS)]
    future = Future("S1", list("ABC"), starts, 1.0, paths.transpose(1, 0, 2), sold=sold)
    leads = lead_times_of([[0, 0, 1, 0], [0, 0, 0, 1], [0, 0, 1, 0]])
    spans = spans_of(leads, np.array([7, 7, 7]))
    assert spans.tolist() == [9, 10, 9]
    rows = np.array([2, 1, 0])
    found = at_spread_of_now(paths[rows], future, rows, spans[rows])
    for at, row in enumerate(rows):
        span = int(spans[row])
        variance = recent_variance(sold[:, [row]], span, season=7)
        alone = spread_paths(paths[[row]], np.ones(1), variance, span)
        np.testing.assert_array_equal(found[[at]], alone)
        total = found[at, :, :span].sum(axis=1)
        assert total.mean() == pytest.approx(paths[row, :, :span].sum(axis=1).mean(), rel=1e-3)
    unknown = Future("S1", list("ABC"), starts, 1.0, future.values)
    assert at_spread_of_now(paths, unknown, rows, spans) is paths


def test_a_level_is_told_where_it_matters() -> None:
    told = {"factor": 0.82, "units": 102.4, "units_expected": 140.0, "periods": 6}
    assert level_words(told, "day") == (
        "; the forecast is lowered by 18 %, since 102 sold where 140 were expected of 6 days after it was made"
    )
    assert "raised by 18 %" in level_words({**told, "factor": 1.18}, "week")
    assert level_words({**told, "factor": 1.004}, "day") == ""
    assert level_words(None, "day") == ""
