"""One small history for all tests of the simulator."""

from datetime import date

import pytest

from data import SampleChain, simulate

END = date(2026, 4, 20)


@pytest.fixture(scope="session")
def sample() -> SampleChain:
    """150 days: they see a change of the clocks, Christmas and Easter."""
    return simulate(seed=7, days=150, end=END)
