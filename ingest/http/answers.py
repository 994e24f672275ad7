"""Outcomes as the sender gets them: one, or a batch with its counts."""

from collections import Counter
from collections.abc import Sequence
from itertools import count
from typing import Any

import msgspec

from ingest.ledger.outcomes import OUTCOMES, Outcome
from ingest.parsing.permission import KEY_KIND, KEY_LOCATION
from stocktide.foundation.errors import Conflict, Forbidden, Invalid, StocktideError
from stocktide.foundation.keys import KEY_SOURCE

# Reasons that are about the key, not about the event.
OF_THE_KEY = frozenset({KEY_KIND, KEY_LOCATION, KEY_SOURCE})


class Shown(msgspec.Struct, gc=False, omit_defaults=True):
    """One event's outcome in an answer."""

    index: int
    id: str | None
    outcome: str
    reason: str | None = None
    field: str | None = None
    message: str | None = None


def single_answer(outcome: Outcome) -> bytes:
    """Return the body of the answer to one event that was accepted or is a duplicate."""
    return msgspec.json.encode(Shown(0, outcome.event_id, outcome.name))


def single_error(outcome: Outcome) -> tuple[StocktideError, dict[str, Any]]:
    """Return the error and further fields for one event that was refused."""
    fault = outcome.fault
    assert fault is not None  # noqa: S101 - only what was refused comes here
    kind: type[StocktideError] = Conflict if outcome.name == "conflict" else Invalid
    if fault.reason in OF_THE_KEY:
        kind = Forbidden
    more = {"outcome": outcome.name, "field": fault.field, "id": outcome.event_id}
    return kind(fault.reason, fault.message), more


def batch_answer(outcomes: Sequence[Outcome]) -> bytes:
    """Return the body of the answer to a batch, with every event's outcome."""
    tally = Tally(len(outcomes))
    tally.add(outcomes)
    return tally.encode()


class Tally:
    """Counts outcomes of a request, and keeps as many of them as an answer shows."""

    def __init__(self, shown_max: int) -> None:
        self.counts: Counter[str] = Counter()
        self.total = 0
        self._shown_max = shown_max
        self._shown: list[Shown] = []
        self._all = True

    def add(self, outcomes: Sequence[Outcome]) -> None:
        """Count outcomes; past the limit only what was refused is still shown, and past it again nothing."""
        self.counts.update([outcome.name for outcome in outcomes])
        if self._all and self.total + len(outcomes) > self._shown_max:
            self._all = False
            self._shown = [shown for shown in self._shown if shown.reason is not None]
        if self._all and not any(outcome.fault for outcome in outcomes):
            ids, names = ([getattr(one, of) for one in outcomes] for of in ("event_id", "name"))
            self._shown += map(Shown, count(self.total), ids, names)
        else:
            self._show_each(outcomes)
        self.total += len(outcomes)

    def _show_each(self, outcomes: Sequence[Outcome]) -> None:
        for index, outcome in enumerate(outcomes, self.total):
            fault = outcome.fault
            if fault is not None and len(self._shown) < self._shown_max:
                about = (fault.reason, fault.field, fault.message)
                self._shown.append(Shown(index, outcome.event_id, outcome.name, *about))
            elif self._all:
                self._shown.append(Shown(index, outcome.event_id, outcome.name))

    def as_dict(self) -> dict[str, int]:
        """Return the counts alone."""
        return {name: self.counts[name] for name in OUTCOMES}

    def encode(self) -> bytes:
        """Return the body of the answer."""
        answer = self.as_dict() | {"outcomes": self._shown}
        if not self._all:
            answer["outcomes_left_out"] = self.total - len(self._shown)
        return msgspec.json.encode(answer)
