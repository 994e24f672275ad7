from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.baselines.baseline import BASELINES
from forecasting.choosing.candidates import (
    BOOSTED,
    COMPARED,
    MIXTURE,
    OF_ALL_NODES,
    RESPONSES,
    Lesson,
    auto_names,
    fits_hierarchy,
    known_names,
    make_candidates,
    needs_clues,
    needs_history,
    responses_of,
)
from forecasting.choosing.coherence import fitted_hierarchy
from forecasting.choosing.origin_baselines import baselines_of
from forecasting.choosing.parts import PARTS
from forecasting.forecast import make_forecast
from forecasting.forecast_setup import ForecastSetup, make_setup
from forecasting.nodes.demand import Demand
from forecasting.nodes.lifecycle import COLD_START, DISCONTINUED
from forecasting.nodes.origin import origin_at
from forecasting.spec import ForecastSpec
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy
from forecasting.structure.reconcile import METHODS, TREE_METHODS
from forecasting.structure.siblings import sibling_group
from stocktide.foundation.errors import Invalid
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

pytestmark = pytest.mark.slow

CROSSED = (
    (),
    ("region",),
    ("department",),
    ("location",),
    ("location", "department"),
    ("location", "product"),
)
TREE = ((), ("region",), ("location",), ("location", "product"))
HIERARCHY = build_hierarchy(CROSSED, LEAVES)
HORIZON = 7


def names_for(hierarchy: Hierarchy) -> tuple[str, ...]:
    return tuple(c.name for c in make_candidates(known_names()) if fits_hierarchy(c, hierarchy))


def setup_of(
    demand: Demand, hierarchy: Hierarchy, names: Sequence[str], **settings: Any
) -> ForecastSetup:
    spec = ForecastSpec(
        levels=hierarchy.levels, horizon_days=HORIZON, candidates=tuple(names), **settings
    )
    return make_setup(demand, hierarchy, spec)


def lesson_of(setup: ForecastSetup, *, origins: int = 2) -> Lesson:
    """Teach by the last origins of a demand; the newest is the present."""
    T = setup.demand.days.size
    known = [T - HORIZON * back for back in range(origins + 1, 0, -1)]
    tables = [setup.table(periods) for periods in known]
    lesson = setup.lesson(T, dict.fromkeys(setup.teachers(T), tables[0]), tables[-1])
    return replace(lesson, tables=tables[:-1])


def assert_publishable(hierarchy: Hierarchy, mean: NDArray[np.float64]) -> None:
    assert np.isfinite(mean).all()
    assert (mean >= 0).all()
    np.testing.assert_allclose(mean, hierarchy.S @ mean[-hierarchy.n_leaves :], rtol=1e-6)


CHAIN = LEAVES.iloc[:1].reset_index(drop=True)
SHAPES: dict[str, Callable[[], tuple[Demand, Hierarchy]]] = {
    "one series": lambda: (
        _few(weekly_units(60)[:1], 1),
        build_hierarchy([["location", "product"]], CHAIN),
    ),
    "total and leaves": lambda: (
        _few(weekly_units(60)[:3], 3),
        build_hierarchy([[], ["product"]], LEAVES.iloc[:3].reset_index(drop=True)),
    ),
    "tree": lambda: (make_demand(weekly_units(60)), build_hierarchy(TREE, LEAVES)),
    "crossing": lambda: (make_demand(weekly_units(60)), HIERARCHY),
}


def _few(units: NDArray[np.float64], leaves: int) -> Demand:
    return replace(
        make_demand(units),
        leaves=LEAVES.iloc[:leaves].reset_index(drop=True),
    )


@pytest.mark.parametrize("shape", SHAPES)
def test_every_candidate_is_coherent_now_and_at_each_origin(shape: str) -> None:
    demand, hierarchy = SHAPES[shape]()
    names = names_for(hierarchy)
    lesson = lesson_of(setup_of(demand, hierarchy, names))
    for candidate in make_candidates(names):
        answer = candidate.answer(lesson)
        assert answer.mean.shape == (hierarchy.n_nodes, HORIZON)
        assert_publishable(hierarchy, answer.mean)
        assert len(answer.left_out) == len(lesson.tables)
        for left in answer.left_out:
            assert_publishable(hierarchy, left)


# Without a part the mixture is the same code: what is left out is tested below.
ALONE = [name for name in known_names() if not name.startswith(f"{MIXTURE} without")]


@pytest.mark.parametrize("name", ALONE)
def test_one_candidate_alone_is_tested_and_published(name: str) -> None:
    hierarchy = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES[::2])
    demand = replace(make_demand(weekly_units(44)[::2]), leaves=LEAVES[::2].reset_index(drop=True))
    spec = ForecastSpec(
        levels=hierarchy.levels, horizon_days=3, candidates=(name,), backtest_origins=1
    )
    made = make_forecast(demand, hierarchy, spec)
    assert made.choice.name == name
    assert made.choice.origins == 1
    assert_publishable(hierarchy, made.mean)


def test_auto_holds_the_mixture_what_it_is_compared_with_and_every_baseline() -> None:
    assert auto_names(HIERARCHY) == [MIXTURE, *COMPARED, *BASELINES]
    assert set(auto_names(HIERARCHY)) <= set(known_names())
    assert set(known_names()) == {
        MIXTURE,
        BOOSTED,
        *(f"{method} {MIXTURE}" for method in METHODS),
        *(f"{MIXTURE} without {part}" for part in PARTS),
        *BASELINES,
        *(f"{method} {response}" for method in METHODS for response in RESPONSES),
    }
    unfit = set(known_names()) - set(names_for(HIERARCHY))
    forms = (*RESPONSES, MIXTURE)
    assert unfit == {f"{method} {form}" for method in TREE_METHODS for form in forms}


def test_candidates_say_what_a_run_must_make_for_them() -> None:
    assert responses_of(make_candidates([MIXTURE])) == ("additive", "log1p")
    assert responses_of(make_candidates(["BU multiplicative", "ETS"])) == ("multiplicative",)
    assert responses_of(make_candidates(["naive"])) == ()
    assert needs_history(make_candidates(["AHP additive"]))
    assert responses_of(make_candidates([BOOSTED])) == ("additive", "log1p")
    assert needs_clues(make_candidates([BOOSTED, "naive"]))
    assert not needs_clues(make_candidates([MIXTURE, "naive"]))
    assert not needs_history(make_candidates([MIXTURE, "FP additive", "naive"]))


def test_a_method_and_a_response_use_the_models_of_that_response_alone() -> None:
    names = ("OLS log1p", MIXTURE)
    lesson = lesson_of(setup_of(make_demand(weekly_units(60)), HIERARCHY, names))
    of_form, every = (candidate.answer(lesson) for candidate in make_candidates(names))
    assert of_form.method == "OLS"
    assert of_form.mixture is not None
    for level in of_form.mixture.weights.values():
        assert all(name.startswith("log1p ") for name in level.names)
    assert every.mixture is not None
    kinds = {name.split(" ")[0] for of in every.mixture.weights.values() for name in of.names}
    assert {"additive", "log1p", "shape", "mean", "seasonal", "ETS", "share"} <= kinds


def test_levels_that_are_not_fitted_are_split_by_recent_shares() -> None:
    names = ("BU additive", "WLSS additive", "TDRS additive", MIXTURE)
    fit_levels = ((), ("location",), ("location", "department"))
    setup = setup_of(make_demand(weekly_units(100)), HIERARCHY, names, fit_levels=fit_levels)
    assert setup.plan.levels == (0, 3, 4)
    lesson = lesson_of(setup)
    assert set(lesson.now.levels) == {0, 3, 4}
    means = {c.name: c.answer(lesson).mean for c in make_candidates(names)}
    for mean in means.values():
        assert_publishable(HIERARCHY, mean)
    np.testing.assert_array_equal(means["TDRS additive"], means["WLSS additive"])
    # The split follows what was sold lately: product 1 sells 20 where product 2 sells 8.
    leaves = means["BU additive"][-HIERARCHY.n_leaves :]
    keys = HIERARCHY.nodes.iloc[-HIERARCHY.n_leaves :]
    one, two = (leaves[(keys["product"] == p).to_numpy()].sum() for p in ("P1", "P2"))
    assert one / two == pytest.approx(20 / 8, rel=0.25)


def test_fitted_levels_need_a_finest_one() -> None:
    with pytest.raises(Invalid, match="location is the finest, and does not split department"):
        fitted_hierarchy(HIERARCHY, (0, 2, 3))
    level, (upper, _) = fitted_hierarchy(HIERARCHY, (0, 2, 3, 4))
    assert (level, len(upper.levels)) == (4, 4)


def leaf_row(row: int) -> int:
    first = HIERARCHY.n_nodes - HIERARCHY.n_leaves
    return first + int(np.flatnonzero(HIERARCHY.leaf_rows == row)[0])


def test_an_ended_leaf_is_forecast_zero_and_says_why() -> None:
    units = weekly_units(130)
    units[0, 60:] = 0.0
    names = (MIXTURE, "TDRS additive", "OLS additive", "ETS", "naive")
    lesson = lesson_of(setup_of(make_demand(units), HIERARCHY, names))
    assert lesson.facts.warnings[leaf_row(0)] == DISCONTINUED
    for candidate in make_candidates(names):
        answer = candidate.answer(lesson)
        assert not answer.mean[leaf_row(0)].any()
        assert_publishable(HIERARCHY, answer.mean)


def test_a_leaf_that_just_started_is_forecast_by_its_siblings() -> None:
    units = weekly_units(130)
    # the present knows all but the last seven days, and of this leaf the first five
    units[1, :118] = 0.0
    units[1, 118:123] = [7, 9, 8, 8, 9]
    lesson = lesson_of(setup_of(make_demand(units), HIERARCHY, ("BU additive",)))
    (candidate,) = make_candidates(("BU additive",))
    mean = candidate.answer(lesson).mean
    assert lesson.facts.warnings[leaf_row(1)] == COLD_START
    # The mean of its last 28 days would be 1.5; its five days say 8.
    assert 4.0 < mean[leaf_row(1)].mean() < 11.0


def test_an_empty_shelf_does_not_lower_the_share() -> None:
    units = weekly_units(130)
    units[0, 90:123] = 0.0
    empty = np.zeros(units.shape, dtype=np.bool_)
    empty[0, 90:123] = True
    names = ("TDRS additive",)

    def forecast(demand: Demand) -> float:
        setup = setup_of(demand, HIERARCHY, names, fit_levels=((), ("location",)))
        (candidate,) = make_candidates(names)
        return float(candidate.answer(lesson_of(setup)).mean[leaf_row(0)].sum())

    known = replace(make_demand(units), empty=empty)
    # Weeks without it weigh on the group's forecast and lift the shares of the others, but it is not gone.
    assert forecast(known) > 3 * forecast(make_demand(units))


@settings(max_examples=15)
@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-2, 1e3]), st.permutations(range(12)))
def test_order_and_unit_of_the_leaves_change_no_baseline(
    seed: int, unit: float, order: list[int]
) -> None:
    units = weekly_units(60, seed=seed)
    shuffled = LEAVES.iloc[order].reset_index(drop=True)
    turned = replace(make_demand(units[order]), leaves=shuffled)
    origins = [
        origin_at(demand, build_hierarchy(CROSSED, demand.leaves), days_known=60, horizon=9)
        for demand in (make_demand(units), make_demand(units * unit), turned)
    ]
    one, scaled, mixed = (baselines_of(origin, BASELINES) for origin in origins)
    for name in BASELINES:
        np.testing.assert_allclose(scaled[name], one[name] * unit, rtol=1e-6, atol=1e-9)
        np.testing.assert_allclose(mixed[name], one[name], rtol=1e-9)


def test_the_order_of_the_leaves_does_not_change_the_mixture() -> None:
    units = weekly_units(80)
    order = np.random.default_rng(1).permutation(12)
    turned = replace(make_demand(units[order]), leaves=LEAVES.iloc[order].reset_index(drop=True))
    (candidate,) = make_candidates((MIXTURE,))
    means = []
    for demand in (make_demand(units), turned):
        hierarchy = build_hierarchy(TREE, demand.leaves)
        means.append(candidate.answer(lesson_of(setup_of(demand, hierarchy, (MIXTURE,)))).mean)
    np.testing.assert_allclose(means[1], means[0], rtol=1e-4, atol=1e-4)


def test_baselines_of_sums_are_made_for_every_node_and_reconciled() -> None:
    names = ("ETS", "naive")
    lesson = lesson_of(setup_of(make_demand(weekly_units(100)), HIERARCHY, names))
    ets, naive = (candidate.answer(lesson) for candidate in make_candidates(names))
    assert "ETS" in OF_ALL_NODES
    assert lesson.baselines["ETS"][:-12].any()
    assert not lesson.baselines["naive"][:-12].any()
    last = make_demand(weekly_units(100)).units[HIERARCHY.leaf_rows, -HORIZON - 1]
    np.testing.assert_allclose(naive.mean[-12:, 0], last)
    assert_publishable(HIERARCHY, ets.mean)


def test_the_mixture_is_far_better_than_the_last_day() -> None:
    names = (MIXTURE, "naive")
    demand = make_demand(weekly_units(200))
    lesson = lesson_of(setup_of(demand, HIERARCHY, names))
    came = HIERARCHY.sum_leaves(demand.units[HIERARCHY.leaf_rows])[0, -HORIZON:]
    ours, naive = (c.answer(lesson).mean[0] for c in make_candidates(names))
    assert np.abs(ours - came).mean() < 0.5 * np.abs(naive - came).mean()


def test_siblings_are_the_leaves_of_a_category_before_any_other_group() -> None:
    assert np.unique(sibling_group(HIERARCHY)).size == 2
    plain = build_hierarchy([[], ["location", "product"]], LEAVES)
    assert not sibling_group(plain).any()


def test_an_unknown_candidate_is_named() -> None:
    with pytest.raises(Invalid, match="'WLS additive'; there are mixture"):
        make_candidates(["WLS additive"])


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_found_among_the_experts_and_takes_no_part_without_it(part: str) -> None:
    demand, hierarchy = SHAPES["tree"]()
    lesson = lesson_of(setup_of(demand, hierarchy, [MIXTURE]))
    names = {name for level in lesson.now.levels.values() for name in level.names}
    names |= {name for of in lesson.now.splits.values() for split in of for name in split.names}
    assert any(PARTS[part](name) for name in names)
    mixture = make_candidates([f"{MIXTURE} without {part}"])[0].answer(lesson).mixture
    assert mixture is not None
    used = {name for weights in mixture.weights.values() for name in weights.names}
    assert used
    assert not any(PARTS[part](name) for name in used)
