"""One small history for all tests of the simulator, and the ledger that it makes."""

from datetime import date

import pytest

from data import SampleChain, simulate
from tests.data.ledger import Ledger

END = date(2026, 4, 20)


@pytest.fixture(scope="session")
def sample() -> SampleChain:
    """150 days: they see a change of the clocks, Christmas and Easter."""
    return simulate(seed=7, days=150, end=END)


@pytest.fixture(scope="session")
def ledger(sample: SampleChain) -> Ledger:
    """All of the history recorded; nobody records more in it."""
    recorded = Ledger.of(sample)
    recorded.record_all(sample.batches())
    return recorded
