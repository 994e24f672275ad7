import numpy as np
import pytest
from forecasting.nodes.base_fit import BaseFits
from forecasting.nodes.explain import BASELINES, RECENT_LEVEL, RECONCILIATION, explain

from forecasting.choosing.candidates import make_candidates
from forecasting.nodes.origin import origin_at
from forecasting.structure.hierarchy import build_hierarchy
from tests.forecasting.demands import LEAVES, make_demand, weekly_units

HIERARCHY = build_hierarchy([[], ["location"], ["location", "product"]], LEAVES)
ORIGIN = origin_at(make_demand(weekly_units(120)), HIERARCHY, days_known=120, horizon=14)


@pytest.mark.parametrize("baseline_share", [0.0, 0.3])
def test_parts_add_up_to_the_published_mean(baseline_share: float) -> None:
    fits = BaseFits()
    names = ["WLSS additive", "WLSS log1p"]
    made = [candidate.forecast(ORIGIN) for candidate in make_candidates(names, fits)]
    each = (1 - baseline_share) / 2
    naive = ORIGIN.history[:, -7:].repeat(2, axis=1)
    mean = each * made[0].mean + each * made[1].mean + baseline_share * naive
    bases = {form: (each, fits.of(ORIGIN, form)) for form in ("additive", "log1p")}
    parts = explain(ORIGIN, bases, mean)
    m = HIERARCHY.n_leaves
    np.testing.assert_allclose(np.sum(list(parts.leaves.values()), axis=0), mean[-m:], rtol=1e-9)
    total = np.sum(list(parts.upper.values()), axis=0)
    np.testing.assert_allclose(total[:, -14:], mean[:-m], rtol=1e-9)
    assert parts.days[-1] == ORIGIN.future[-1]
    assert len(parts.days) == 120 + 14
    rest = BASELINES if baseline_share else RECONCILIATION
    assert {"trend", "weekly", RECENT_LEVEL, rest} == set(parts.upper)
    # what only a forecast has is 0 in the past
    assert not parts.upper[RECENT_LEVEL][:, :-14].any()
