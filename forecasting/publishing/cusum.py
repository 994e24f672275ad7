"""Test whether a running error is more than chance: cumulative sums of what exceeds the expectation.

Source: Page, "Continuous inspection schemes", Biometrika 41 (1954); slack of half a standard deviation and limit of
five as in Montgomery, "Introduction to Statistical Quality Control", chapter 9: a shift of one standard deviation is
found in about 10 days, and without one an alarm comes about every 465 days.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import math

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

SLACK_SD, LIMIT_SD = 0.5, 5.0
# Of one normal error, in units of its mean absolute value: its own spread, and that of its absolute value. Where many
# nodes are added up the spread is smaller, so that alarms come later, never oftener.
SIGNED_SD = math.sqrt(math.pi / 2)
ABSOLUTE_SD = math.sqrt(math.pi / 2 - 1)


def alarms(wape: Array, bias: Array, expected: Array) -> NDArray[np.bool_]:
    """Return on which days the error, or the error in one direction, has become more than was expected.

    wape, bias, expected: (T,), days in order; NaN on an unknown day, which changes nothing. Returns (T,). After
    an alarm all sums start again, as after a retraining.
    """
    assert wape.shape == bias.shape == expected.shape
    assert wape.ndim == 1
    out = np.zeros(wape.size, dtype=bool)
    larger = above = below = 0.0
    for day in range(wape.size):
        if not (expected[day] > 0 and np.isfinite(wape[day]) and np.isfinite(bias[day])):
            continue
        error, signed = wape[day] / expected[day], bias[day] / expected[day]
        larger = max(0.0, larger + (error - 1) / ABSOLUTE_SD - SLACK_SD)
        above = max(0.0, above + signed / SIGNED_SD - SLACK_SD)
        below = max(0.0, below - signed / SIGNED_SD - SLACK_SD)
        if max(larger, above, below) > LIMIT_SD:
            out[day] = True
            larger = above = below = 0.0
    return out
