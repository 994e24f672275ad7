"""Counts of what became of every row of a file, with an example a reason and what to look at."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from ingest.ledger.outcomes import Outcome
from ingest.parsing.events import Fault


@dataclass
class Tally:
    """Counts of what became of every row. The parts add up to the rows read.

    examples: of each reason the first message, and the first for each other field. warnings: what was recorded and
    should be looked at. dialect: how a delimited file is written, as `Dialect.shown`.
    """

    read: int
    left_out: dict[str, int] = field(default_factory=dict)
    outcomes: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    examples: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    dialect: dict[str, Any] | None = None
    _fields: dict[str, str | None] = field(default_factory=dict, repr=False)

    def add(self, outcome: Outcome) -> None:
        """Count one row's outcome."""
        if outcome.name == "rejected" and outcome.fault is not None:
            self.reject(outcome.fault)
        else:
            self.outcomes[outcome.name] += 1

    def reject(self, fault: Fault) -> None:
        """Count a row that is refused; the first of a reason and field is an example."""
        self.rejected[fault.reason] += 1
        if fault.reason not in self.examples:
            self.examples[fault.reason] = fault.message
            self._fields[fault.reason] = fault.field
        elif fault.field != self._fields[fault.reason]:
            self.examples.setdefault(f"{fault.reason} of {fault.field}", fault.message)

    @property
    def accounted(self) -> int:
        """Return the sum over all outcomes."""
        return sum(self.left_out.values()) + self.outcomes.total() + self.rejected.total()

    @property
    def all_rejected(self) -> bool:
        """Return True if something was refused and nothing was, or would be, recorded, now or before."""
        conflicts = self.outcomes["conflict"]
        return self.outcomes.total() == conflicts and self.rejected.total() + conflicts > 0

    def check(self) -> None:
        """Raise AssertionError unless every row is accounted for."""
        if self.accounted != self.read:
            raise AssertionError(f"{self.read} rows read, {self.accounted} accounted for")

    def rows(self) -> list[list[Any]]:
        """Return the counts as rows for people."""
        return [
            ["read", self.read],
            *[[name, count] for name, count in self.outcomes.items()],
            *[[f"left out: {reason}", count] for reason, count in self.left_out.items()],
            *[[f"rejected: {reason}", count] for reason, count in self.rejected.most_common()],
            ["sum of outcomes", self.accounted],
        ]

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for machines."""
        return {
            "read": self.read,
            **self.outcomes,
            "left_out": self.left_out,
            "rejected": dict(self.rejected),
            "accounted": self.accounted,
        }

    def findings(self) -> dict[str, Any]:
        """Return what else there is to tell: examples, warnings, dialect; without what is empty."""
        told = {"examples": self.examples, "warnings": self.warnings, "dialect": self.dialect}
        return {name: value for name, value in told.items() if value}
