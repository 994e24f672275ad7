"""Search for parameters of many series at once, without derivatives (Hooke & Jeeves 1961)."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

# Steps of FIRST_STEP that halve wherever they no longer help end near 0.01 of the box, finer than the errors can tell.
FIRST_STEP, ROUNDS = 0.2, 10
# Less than this share is rounding, and no reason to move.
BETTER = 1e-9


def search(
    cost: Callable[[Array], Array], starts: Array, free: tuple[int, ...], rounds: int = ROUNDS
) -> tuple[Array, Array]:
    """Find each series' point of least cost in the unit box: the best start, then the best neighbour, step by step.

    cost: points (p, C, n) -> (C, n). starts: (p, C, n). free: coordinates that may move. Returns the points (p, n) and
    their cost (n,). The step of a series halves where no neighbour is better.
    """
    p, _, n = starts.shape
    at, axes = np.arange(n), np.eye(p)[:, list(free)]
    moves = np.concatenate([axes, -axes], axis=1)[:, :, None]
    x, least, step = np.zeros((p, n)), np.full(n, np.inf), np.full(n, FIRST_STEP)
    tried = starts
    for _ in range(rounds + 1):
        costs = cost(tried)
        best = costs.argmin(axis=0)
        better = costs[best, at] < least * (1.0 - BETTER)
        x = np.where(better, tried[:, best, at], x)
        least = np.where(better, costs[best, at], least)
        step = np.where(better, step, step / 2.0)
        tried = np.clip(x[:, None, :] + moves * step, 0.0, 1.0)
    return x, least
