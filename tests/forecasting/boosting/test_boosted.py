from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from numpy.typing import NDArray

from forecasting.boosting import trees
from forecasting.boosting.trees import FACTOR_MAX, FACTOR_MIN
from forecasting.choosing import boosted as boosting
from forecasting.choosing.boosted import ORIGINS_MIN, Boosted, apart, boosted, helpful
from forecasting.choosing.candidates import (
    BOOSTED,
    MIXTURE,
    Answer,
    Lesson,
    known_names,
    make_candidates,
)
from forecasting.choosing.tables import OriginTable
from forecasting.experts.explain import LEARNT
from forecasting.forecast import make_forecast
from forecasting.forecast_setup import make_setup
from forecasting.refresh import refresh_forecast
from forecasting.spec import ForecastSpec
from stocktide.foundation.errors import Invalid
from tests.forecasting.boosting.boosted_chains import DAYS, HORIZON, LEVELS, chain

pytestmark = pytest.mark.slow

Array = NDArray[np.float64]
SPEC = ForecastSpec(
    levels=LEVELS, horizon_days=HORIZON, candidates=(MIXTURE, BOOSTED), backtest_origins=ORIGINS_MIN
)
STOLEN = 0.4


@pytest.fixture(autouse=True, scope="module")
def few_trees() -> Iterator[None]:
    """Grow few trees: a test chain is small, and a run grows some of them for every pair of origins."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trees, "TREES_MAX", 40)
        yield


@cache
def lesson(stolen: float = STOLEN) -> Lesson:
    demand, hierarchy, _ = chain(stolen)
    setup = make_setup(demand, hierarchy, SPEC)
    tables = {known: setup.table(known) for known in setup.teachers(DAYS - HORIZON)}
    now = setup.table(DAYS - HORIZON)
    return setup.lesson(DAYS - HORIZON, tables, now)


@cache
def answers() -> dict[str, Answer]:
    return {c.name: c.answer(lesson()) for c in make_candidates([MIXTURE, BOOSTED])}


def corrected(of: Lesson) -> Boosted:
    (plain,) = (c.answer(of) for c in make_candidates([MIXTURE]))
    assert plain.mixture is not None
    return boosted(of.hierarchy, of.plan.levels, of.tables, of.now, of.facts, plain.mixture)


def with_actual(table: OriginTable, factor: float) -> OriginTable:
    """Let something else have come after an origin."""
    levels = {
        level: replace(trial, actual=trial.actual * factor) for level, trial in table.levels.items()
    }
    return replace(table, actual=table.actual * factor, levels=levels)


def test_trees_see_what_siblings_promotions_take_away() -> None:
    _, hierarchy, mean = chain(STOLEN)
    true = mean[hierarchy.leaf_rows, DAYS - HORIZON : DAYS]
    error = {
        name: float(((answer.mean[-hierarchy.n_leaves :] - true) ** 2).mean())
        for name, answer in answers().items()
    }
    assert error[BOOSTED] < 0.6 * error[MIXTURE]


def test_the_boosted_mixture_is_taken_where_it_wins_and_says_what_it_adds() -> None:
    demand, hierarchy, mean = chain(STOLEN)
    made = make_forecast(demand, hierarchy, SPEC)
    assert made.choice.name == BOOSTED
    leaves = made.mean[-hierarchy.n_leaves :]
    learnt = made.explanation.leaves[LEARNT]
    ours = np.abs(leaves - mean[hierarchy.leaf_rows, DAYS:]).mean()
    assert ours < 0.85 * np.abs(leaves - learnt - mean[hierarchy.leaf_rows, DAYS:]).mean()
    whole = sum(made.explanation.leaves.values(), np.zeros_like(leaves))
    np.testing.assert_allclose(whole, leaves, rtol=1e-6, atol=1e-6)
    above = sum(made.explanation.upper.values(), np.zeros(1))[:, -HORIZON:]
    np.testing.assert_allclose(above, made.mean[: -hierarchy.n_leaves], rtol=1e-6, atol=1e-6)
    again = refresh_forecast(demand, hierarchy, SPEC, made.learnt)
    # weights are kept in single precision, and a leaf at a tree's threshold may fall to its other side
    assert np.abs(again.mean - made.mean).mean() < 1e-3 * made.mean.mean()
    refreshed = again.explanation.leaves[LEARNT]
    assert np.abs(refreshed - learnt).mean() < 0.02 * np.abs(learnt).mean()


def test_corrected_forecasts_add_up_and_leaves_stay_within_the_bounds() -> None:
    answer, of = answers()[BOOSTED], lesson()
    m = of.hierarchy.n_leaves
    for mean in (answer.mean, *answer.left_out):
        assert (mean >= 0).all()
        np.testing.assert_allclose(mean, of.hierarchy.S @ mean[-m:], rtol=1e-9)
    found, plain = corrected(of), answers()[MIXTURE].mixture
    assert plain is not None
    for base, was in zip((found.base, *found.left_out), (plain.base, *plain.left_out), strict=True):
        assert base is not None
        factor = base[-m:] / was[-m:]
        assert factor.min() >= FACTOR_MIN - 1e-9
        assert factor.max() <= FACTOR_MAX + 1e-9
        assert factor.std() > 0.01
        np.testing.assert_array_equal(base[:-m], was[:-m])


def test_what_came_after_an_origin_does_not_change_its_left_out_correction() -> None:
    of = lesson()
    before = corrected(of).left_out
    for at in (0, len(of.tables) - 1):
        tables = list(of.tables)
        tables[at] = with_actual(tables[at], 3.0)
        after = corrected(replace(of, tables=tables)).left_out
        np.testing.assert_array_equal(after[at], before[at])
        # it does teach the others
        ours, theirs = after[1], before[1]
        assert theirs is not None
        assert ours is None or not np.array_equal(np.nan_to_num(ours), np.nan_to_num(theirs))


def test_without_a_tree_it_is_the_mixture(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(boosting, "helpful", lambda _curves: 0)
    assert_is_the_mixture(lesson())


def test_with_too_few_origins_it_is_the_mixture() -> None:
    few = replace(lesson(), tables=lesson().tables[-(ORIGINS_MIN - 1) :])
    assert_is_the_mixture(few)


def test_leaves_without_a_model_are_not_corrected() -> None:
    demand, hierarchy, _ = chain(STOLEN)
    setup = make_setup(demand, hierarchy, replace(SPEC, fit_levels=((), ("category",))))
    tables = {known: setup.table(known) for known in setup.teachers(DAYS - HORIZON)}
    assert_is_the_mixture(setup.lesson(DAYS - HORIZON, tables, setup.table(DAYS - HORIZON)))


def assert_is_the_mixture(of: Lesson) -> None:
    plain, same = (c.answer(of) for c in make_candidates([MIXTURE, BOOSTED]))
    assert same.boost is None
    np.testing.assert_array_equal(same.mean, plain.mean)
    for ours, theirs in zip(same.left_out, plain.left_out, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_a_correction_is_the_same_every_time_also_where_leaves_are_drawn(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    first, again = (corrected(lesson()).corrector for _ in range(2))
    assert first is not None
    assert again is not None
    assert first.text == again.text
    monkeypatch.setattr(boosting, "ROWS_MAX", 1_000)
    drawn, again = (corrected(lesson()).corrector for _ in range(2))
    assert drawn is not None
    assert again is not None
    assert drawn.text == again.text != first.text


def test_leaves_are_corrected_alike_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    of, found = lesson(), corrected(lesson())
    (plain,) = (c.answer(of) for c in make_candidates([MIXTURE]))
    assert plain.mixture is not None
    monkeypatch.setattr(boosting, "ROWS_MAX", 100)
    blocks = boosting.corrected(
        of.hierarchy, of.now.levels, of.facts, plain.mixture.base, found.corrector
    )
    assert blocks is not None
    assert found.base is not None
    np.testing.assert_array_equal(blocks, found.base)


@pytest.mark.parametrize(("back", "is_apart"), [(HORIZON, True), (HORIZON - 1, False), (0, False)])
def test_origins_are_apart_when_nothing_came_after_both(back: int, *, is_apart: bool) -> None:
    table = lesson().tables[-1]
    earlier = replace(table, periods_known=table.periods_known - back)
    assert apart(table, earlier) is apart(earlier, table) is is_apart


def test_trees_are_counted_by_origins_left_out() -> None:
    sure = np.array([[0.0, -0.1, -0.2, -0.1], [0.0, -0.1, -0.3, 0.0], [0.0, -0.2, -0.2, 0.1]])
    assert helpful(sure) == 2
    luck = np.array([[0.0, 0.2], [0.0, 0.2], [0.0, -0.5]])
    assert helpful(luck) == 0
    assert helpful(np.abs(sure)) == 0


def test_a_chain_without_lightgbm_refuses_the_name_at_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert BOOSTED in known_names()
    monkeypatch.setattr(trees, "find_spec", lambda _name: None)
    demand, hierarchy, _ = chain(0.0)
    with pytest.raises(Invalid, match="LightGBM, which is not installed"):
        make_setup(demand, hierarchy, SPEC)
    make_setup(demand, hierarchy, replace(SPEC, candidates="auto"))
