"""The sample retail chain and its seeded simulator. See README.md."""

from data.live import LiveFeed
from data.outcomes import ExpectedOutcomes
from data.simulator import SampleChain, simulate
from data.terms import terms_of
from data.truth import Truth

__all__ = ["ExpectedOutcomes", "LiveFeed", "SampleChain", "Truth", "simulate", "terms_of"]
