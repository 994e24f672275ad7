import numpy as np
from numpy.typing import NDArray

from forecasting.intervals.spread import Missed, node_scale, quantiles_around, spread

Array = NDArray[np.float64]
LEVELS = (0.025, 0.165, 0.5, 0.835, 0.975)


def origins(rng: np.random.Generator, scale: Array, count: int, sizes: Array) -> list[Missed]:
    """Errors of `count` origins: a level error that lasts, and a day's noise, larger for some nodes."""
    out = []
    for _ in range(count):
        lasting = rng.normal(0, 1, (scale.size, 1)) * sizes[:, None]
        daily = rng.normal(0, 1, (scale.size, 28)) * sizes[:, None]
        out.append(Missed(scale[:, None] * (lasting + daily), scale, scale))
    return out


def held(placed: Array, actual: Array, low: int, high: int) -> float:
    inside = (actual >= placed[:, :, low]) & (actual <= placed[:, :, high])
    return float(inside.mean())


def test_few_nodes_are_covered_as_often_as_claimed() -> None:
    rng = np.random.default_rng(0)
    level = np.repeat([0, 1, 2], [1, 6, 30])
    scale, sizes = rng.uniform(5, 500, 37), rng.uniform(0.3, 2.0, 37)
    share = []
    for _ in range(60):
        missed = origins(rng, scale, 12, sizes)
        offsets = spread(missed, level, scale=scale, volume=scale, levels=LEVELS, horizon=28)
        placed = quantiles_around(np.full((37, 28), 1e6), offsets)
        came = 1e6 + origins(rng, scale, 1, sizes)[0].error
        share.append([held(placed[level == n], came[level == n], 1, 3) for n in range(3)])
        share[-1] += [held(placed[level == n], came[level == n], 0, 4) for n in range(3)]
    np.testing.assert_allclose(np.mean(share, axis=0), [0.67] * 3 + [0.95] * 3, atol=0.06)


def test_counts_of_many_leaves_are_covered_without_being_symmetric() -> None:
    rng = np.random.default_rng(1)
    rate = rng.lognormal(-0.5, 1, 4_000)
    level = np.zeros(4_000, dtype=np.int64)
    history = rng.poisson(rate[:, None], (4_000, 120)).astype(float)
    scale, volume = node_scale(history), history[:, -56:].mean(axis=1)
    mean = np.repeat(rate[:, None], 28, axis=1)
    missed = [Missed(rng.poisson(mean) - mean, scale, volume) for _ in range(2)]
    offsets = spread(missed, level, scale=scale, volume=volume, levels=LEVELS, horizon=28)
    placed = quantiles_around(mean, offsets)
    came = rng.poisson(mean).astype(np.float64)
    assert abs(held(placed, came, 0, 4) - 0.95) < 0.03
    rare = rate < 0.3
    assert (offsets[rare, :, 4] > 2 * np.abs(offsets[rare, :, 0])).mean() > 0.9
    assert (placed >= 0).all()
    assert (np.diff(placed, axis=2) >= 0).all()


def test_errors_that_grow_over_the_horizon_widen_it() -> None:
    rng = np.random.default_rng(2)
    grow = np.linspace(1, 4, 28)
    scale = np.ones(20)
    missed = [Missed(rng.normal(size=(20, 28)) * grow, scale, scale) for _ in range(10)]
    offsets = spread(
        missed, np.zeros(20, dtype=np.int64), scale=scale, volume=scale, levels=LEVELS, horizon=28
    )
    width = offsets[0, :, 4] - offsets[0, :, 0]
    assert 2.0 < width[-1] / width[0] < 4.0


def test_the_scale_of_a_week_that_repeats_is_only_its_noise() -> None:
    week = np.tile([1.0, 2, 3, 4, 5, 60, 70], 20)
    noise = np.random.default_rng(3).normal(0, 2, 140)
    assert abs(node_scale((week + noise)[None])[0] - 2) < 0.5
