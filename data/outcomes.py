"""Outcomes that a server should give to all that the simulator sends."""

from collections import Counter
from dataclasses import dataclass

from data.events import KINDS, Events
from data.faults import CONFLICT, FIRST, FIRST_MALFORMED, MALFORMED, REPEAT, Arrivals


@dataclass(frozen=True)
class ExpectedOutcomes:
    """Number of lines of all batches that an empty server should answer, by outcome.

    Holds when products and locations are known beforehand and unknown ones are rejected.
    rejected_by_fault is keyed by the names of faults.MALFORMED, not by the server's reasons.
    """

    accepted: int
    duplicate: int
    conflict: int
    rejected: int
    accepted_by_kind: dict[str, int]
    rejected_by_fault: dict[str, int]

    @property
    def sent(self) -> int:
        """Number of lines in all batches."""
        return self.accepted + self.duplicate + self.conflict + self.rejected


def expect_outcomes(events: Events, arrivals: Arrivals) -> ExpectedOutcomes:
    """Count what was made: each event once, and what the faults put beside it."""
    counts = Counter(arrivals.what.tolist())
    kinds = Counter(events.kind[arrivals.row[arrivals.what == FIRST]].tolist())
    faults = {name: counts[FIRST_MALFORMED + i] for i, name in enumerate(MALFORMED)}
    return ExpectedOutcomes(
        accepted=counts[FIRST],
        duplicate=counts[REPEAT],
        conflict=counts[CONFLICT],
        rejected=sum(faults.values()),
        accepted_by_kind={kind.name: kinds[i] for i, kind in enumerate(KINDS)},
        rejected_by_fault=faults,
    )
