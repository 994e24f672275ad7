"""Lines, paths and policies that Hypothesis draws, for the rules that every order keeps."""

from typing import Any, NamedTuple

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from replenishment import (
    KINDS,
    LeadTimes,
    Lines,
    Policy,
    fixed_lead_times,
    lead_times_of,
    make_lines,
    make_policy,
)

T, B = 14, 20
TARGETS = ("cycle_service", "fill_rate", "safety_factor")


class Case(NamedTuple):
    lines: Lines
    paths: NDArray[Any]
    leads: LeadTimes
    policy: Policy
    backorders: bool


@st.composite
def cases(draw: st.DrawFn, n: int = 6) -> Case:
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    mean = rng.lognormal(0, 1.3, (n, 1, 1))
    on_hand = rng.integers(0, 30, n)
    expiring = np.zeros((n, T))
    expiring[:, rng.integers(0, T)] = np.minimum(on_hand, rng.integers(0, 9, n))
    lines = make_lines(
        on_hand,
        reserved=rng.integers(0, 6, n),
        on_order=rng.integers(0, 8, (n, T)) * (rng.random((n, T)) < 0.1),
        expiring=expiring,
        pack=rng.choice([1, 6, 12, 0.5], n),
        multiple=rng.choice([1, 4], n),
        minimum=rng.choice([0, 10, 25], n),
        capacity=rng.choice([15, 60, np.inf], n),
        presentation=rng.choice([0, 3], n),
        most_sold=rng.choice([9, 80, np.inf], n),
        unit_cost=rng.uniform(0.5, 4, n),
        price=rng.uniform(4, 8, n),
        holding=rng.uniform(0.01, 0.2, n),
        shortage=rng.choice([0, 1, 5], n),
        order_cost=rng.choice([0, 2], n),
        shelf_life=rng.choice([4, np.inf], n),
        ends=rng.choice([6, np.inf], n),
    )
    leads = fixed_lead_times(rng.integers(0, 5, n))
    if draw(st.booleans()):
        leads = lead_times_of(rng.dirichlet(np.ones(5), n))
    kind = draw(st.sampled_from(KINDS))
    target = {}
    if kind not in ("newsvendor", "least_cost"):
        target = {draw(st.sampled_from(TARGETS)): rng.uniform(0.5, 0.98, n)}
    policy = make_policy(kind, n, review=rng.integers(1, 9, n), **target)
    paths = rng.poisson(np.broadcast_to(mean, (n, B, T)))
    return Case(lines, paths, leads, policy, draw(st.booleans()))
