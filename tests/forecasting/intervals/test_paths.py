import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from forecasting.intervals.joint_draw import PathPlan, draw_days, round_whole, whole_leaves
from forecasting.intervals.paths import (
    coherent_paths,
    find_templates,
    leaf_paths,
    node_paths,
    paths_affordable,
)
from forecasting.structure.hierarchy import Hierarchy, build_hierarchy

Array = NDArray[np.float64]
LEVELS = (0.025, 0.1, 0.25, 0.5, 0.75, 0.9, 0.975)
T, H = 800, 28


def chain() -> Hierarchy:
    leaves = pd.DataFrame({"shop": np.repeat(list("ABCD"), 5), "item": np.tile(list("vwxyz"), 4)})
    return build_hierarchy([[], ["shop"], ["shop", "item"]], leaves, known=["shop", "item"])


def world(rng: np.random.Generator, days: int) -> Array:
    """Demand of 20 leaves: a slow level that all share, a slow one a shop, counts a leaf. (20, days)."""
    common = 0.97 ** np.arange(200)
    slow = np.convolve(rng.normal(0, 0.03, days + 199), common, "valid")
    shops = np.stack(
        [np.convolve(rng.normal(0, 0.03, days + 199), common, "valid") for _ in range(4)]
    )
    rate = 8 * np.exp(slow[None] + np.repeat(shops, 5, axis=0))
    return np.asarray(rng.poisson(rate), dtype=np.float64)


def paths_of(hierarchy: Hierarchy, history: Array, rng: np.random.Generator) -> Array:
    """A level forecast with quantiles of its own past errors, and paths of it: leaves (B, 20, 28)."""
    nodes = hierarchy.sum_leaves(history)
    fitted = np.repeat(nodes.mean(axis=1, keepdims=True), T, axis=1)
    level = nodes[:, -28:].mean(axis=1, keepdims=True)
    missed = find_templates(nodes, fitted, H).missed(H)
    quantiles = np.quantile(missed, LEVELS, axis=0).transpose(1, 2, 0) + level[:, :, None]
    quantiles = np.maximum(quantiles, 0)
    m = hierarchy.n_leaves
    drawn = leaf_paths(quantiles[-m:], LEVELS, missed[:, -m:], 200, rng=rng)
    return coherent_paths(hierarchy, drawn, quantiles, LEVELS)


@pytest.fixture(scope="module")
def held() -> dict[str, float]:
    """How often 80 % intervals of sums held, over many worlds."""
    hierarchy = chain()
    inside: dict[str, list[float]] = {
        "total day": [],
        "total month": [],
        "shop month": [],
        "leaf week": [],
        "two leaves": [],
    }
    for seed in range(60):
        rng = np.random.default_rng(seed)
        sales = world(rng, T + H)
        paths = paths_of(hierarchy, sales[:, :T], rng)
        came = sales[:, T:]
        sums = {
            "total day": (paths.sum(axis=1), came.sum(axis=0)),
            "total month": (paths.sum(axis=(1, 2)), came.sum()),
            "shop month": (paths[:, :5].sum(axis=(1, 2)), came[:5].sum()),
            "leaf week": (paths[:, :, :7].sum(axis=2), came[:, :7].sum(axis=1)),
            "two leaves": (paths[:, [0, 11]].sum(axis=(1, 2)), came[[0, 11]].sum()),
        }
        for name, (drawn, actual) in sums.items():
            low, high = np.quantile(drawn, (0.1, 0.9), axis=0)
            inside[name].append(float(np.mean((actual >= low) & (actual <= high))))
    return {name: float(np.mean(share)) for name, share in inside.items()}


@pytest.mark.parametrize(
    "what", ["total day", "total month", "shop month", "leaf week", "two leaves"]
)
def test_sums_over_nodes_and_days_have_right_intervals(held: dict[str, float], what: str) -> None:
    assert abs(held[what] - 0.8) < 0.15, held


def test_independent_days_would_be_far_too_sure_of_a_month() -> None:
    hierarchy, rng = chain(), np.random.default_rng(0)
    history = world(rng, T)
    paths = paths_of(hierarchy, history, rng)
    shuffled = np.stack([rng.permuted(paths[:, :, day].sum(axis=1)) for day in range(H)], axis=1)
    joint = np.ptp(np.quantile(paths.sum(axis=(1, 2)), (0.1, 0.9)))
    apart = np.ptp(np.quantile(shuffled.sum(axis=1), (0.1, 0.9)))
    assert joint > 2 * apart


def test_paths_of_all_nodes_add_up_and_none_is_negative() -> None:
    hierarchy, rng = chain(), np.random.default_rng(1)
    leaves = paths_of(hierarchy, world(rng, T), rng)
    nodes = node_paths(hierarchy, leaves, 20)
    assert nodes.shape == (25, 20, H)
    assert (nodes >= 0).all()
    np.testing.assert_allclose(nodes[0], nodes[1:5].sum(axis=0), rtol=1e-9)
    np.testing.assert_allclose(nodes[0], nodes[5:].sum(axis=0), rtol=1e-9)


def test_the_marginals_of_leaf_paths_are_the_given_quantiles() -> None:
    rng = np.random.default_rng(2)
    quantiles = np.sort(rng.gamma(2, 3, (6, H, 7)), axis=2)
    drawn = leaf_paths(quantiles, LEVELS, rng.normal(size=(50, 6, H)), 400, rng=rng)
    np.testing.assert_allclose(
        np.quantile(drawn, LEVELS[1:-1], axis=0).transpose(1, 2, 0),
        quantiles[:, :, 1:-1],
        rtol=0.03,
        atol=0.05,
    )


def test_a_short_history_has_no_templates_and_still_paths() -> None:
    Y = np.ones((3, 20))
    assert find_templates(Y, Y, H).missed(H).shape == (0, 3, H)
    drawn = leaf_paths(
        np.ones((3, H, 7)), LEVELS, np.zeros((0, 3, H)), 5, rng=np.random.default_rng(0)
    )
    np.testing.assert_array_equal(drawn, 1.0)


def plan_of(seed: int, *, whole: bool = False, days: int = T) -> PathPlan:
    """Quantiles of the nodes' own past around their level, at eleven levels, and templates of the leaves."""
    hierarchy, rng = chain(), np.random.default_rng(seed)
    history = world(rng, days)
    levels = tuple(np.linspace(0.02, 0.98, 11))
    of_nodes = np.quantile(hierarchy.sum_leaves(history), levels, axis=1).T
    quantiles = np.repeat(of_nodes[:, None], H, axis=1)
    expected = np.repeat(history.mean(axis=1, keepdims=True), days, axis=1)
    found = find_templates(history, expected, H)
    return PathPlan(hierarchy, quantiles, levels, found, np.full(20, whole), 200, seed)


@pytest.mark.parametrize("days", [T, 40])
def test_paths_drawn_a_day_at_a_time_are_those_drawn_at_once(days: int) -> None:
    plan = plan_of(3, days=days)
    assert plan.templates is not None
    assert (plan.templates.starts.size > 0) == (days == T)
    missed = plan.templates.missed(H)
    rng = np.random.default_rng(plan.seed)
    leaves = leaf_paths(plan.quantiles[-20:], plan.levels, missed, plan.count, rng=rng)
    at_once = coherent_paths(plan.hierarchy, leaves, plan.quantiles, plan.levels)
    by_day = np.stack([day.T for day in draw_days(plan)], axis=2)
    assert by_day.dtype == np.float32
    np.testing.assert_allclose(by_day, at_once, rtol=1e-6)


def test_the_whole_chain_has_its_own_quantiles_on_every_day() -> None:
    plan = plan_of(4)
    total = np.stack([day.sum(axis=0) for day in draw_days(plan)])
    found = np.quantile(total, plan.levels[1:-1], axis=1).T
    np.testing.assert_allclose(found, plan.quantiles[0, :, 1:-1], rtol=0.02)


def test_whole_units_stay_whole_and_sums_move_by_less_than_a_unit() -> None:
    exact, rounded = (np.stack(list(draw_days(plan_of(5, whole=whole)))) for whole in (False, True))
    np.testing.assert_array_equal(rounded, np.rint(rounded))
    assert np.abs(rounded - exact).max() < 1.001
    shops = [np.abs((rounded - exact)[:, at : at + 5].sum(axis=1)) for at in range(0, 20, 5)]
    assert np.max(shops) < 1.001


@given(st.integers(0, 2**32 - 1), st.floats(0.01, 30))
def test_rounding_keeps_whole_numbers_and_has_no_bias(seed: int, mean: float) -> None:
    rng = np.random.default_rng(seed)
    counts = rng.poisson(mean, (7, 50)).astype(np.float32)
    every = np.ones(7, dtype=np.bool_)
    np.testing.assert_array_equal(round_whole(counts, every, rng), counts)
    level = np.full((7, 4_000), mean, dtype=np.float32)
    rounded = round_whole(level, every, rng)
    assert set(np.unique(rounded)) <= {np.floor(mean), np.ceil(mean)} | {round(mean)}
    # a coin of 4,000 throws: six standard deviations
    assert np.abs(rounded.mean(axis=1) - level.mean(axis=1)).max() < 6 * 0.5 / 4_000**0.5 + 1e-3


def test_leaves_that_ever_sold_a_fraction_are_not_whole() -> None:
    units = np.array([[1.0, np.nan, 3.0], [1.0, 0.5, 2.0], [-1.0, 0.0, 0.0]])
    np.testing.assert_array_equal(whole_leaves(units), [True, False, True])


def test_templates_of_weeks_start_a_week_apart_and_know_the_weeks_before() -> None:
    Y = np.arange(1.0, 21.0)[None]
    found = find_templates(Y, np.ones_like(Y), 4, step=1, most=5, windows=(2, 4))
    np.testing.assert_array_equal(found.starts, [16, 15, 14, 13, 12])
    # the last 2 weeks before the start at 16 sold 15, 16 and the last 4 13 … 16; levels are bounded by 5
    assert found.level[0, 0] == 5.0
    np.testing.assert_array_equal(found.day(3)[0], Y[0, [19, 18, 17, 16, 15]] - 5.0)


def test_every_chain_gets_200_paths_or_more() -> None:
    assert paths_affordable(30_490) == paths_affordable(1_000_000) == 200
    assert paths_affordable(12) == 500
