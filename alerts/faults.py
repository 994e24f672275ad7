"""What the evaluation of alerts fails on: found by halving, noted in `alert_faults` and left out; others are judged."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Literal, NamedTuple

import sqlalchemy as sa

from stocktide.foundation.database import statement
from stocktide.foundation.database_errors import DATABASE_ERRORS, first_line, reaction_to
from stocktide.foundation.halves import by_halves
from stocktide.foundation.telemetry import log

Step = Literal["rhythms", "feeds", "silences", "late_orders"]
ERROR_MAX = 300


class Subject(NamedTuple):
    """What alerts are about: a pair, or a feed or step by its name."""

    name: str
    product_id: int | None = None
    location_id: int | None = None


Counts = tuple[int, int]
Judge = Callable[[Sequence[Subject]], Counts]


def is_of_content(error: Exception) -> bool:
    """Return True if the database refuses a value: what else is there can still be judged."""
    return isinstance(error, DATABASE_ERRORS) and reaction_to(error) == "content"


def judge_each(connection: sa.Connection, subjects: Sequence[Subject], judge: Judge) -> Counts:
    """Judge subjects by halves, each part undone where it fails; those that fail alone are noted. The caller commits.

    judge: returns how many alerts it opened and closed.
    """
    faults: dict[Subject, Exception] = {}

    def some(part: Sequence[Subject]) -> list[Counts]:
        with connection.begin_nested():
            return [judge(part)]

    def alone(subject: Subject, error: Exception) -> list[Counts]:
        faults[subject] = error
        return []

    counts = by_halves(subjects, some, alone, is_of_one=is_of_content)
    note_faults(connection, faults)
    return sum(opened for opened, _ in counts), sum(closed for _, closed in counts)


def note_faults(connection: sa.Connection, faults: Mapping[Subject, Exception]) -> None:
    """Note what was failed on; the caller commits."""
    if not faults:
        return
    errors = [first_line(error)[:ERROR_MAX] for error in faults.values()]
    log("alerts_not_judged", level=logging.ERROR, subjects=len(faults), error=errors[0])
    binds = {
        "subjects": [subject.name for subject in faults],
        "product_ids": [subject.product_id for subject in faults],
        "location_ids": [subject.location_id for subject in faults],
        "errors": errors,
    }
    connection.execute(statement("alerts/note_faults"), binds)


def retry_faults(connection: sa.Connection, *, older_s: float) -> None:
    """Have what was failed on judged again, and forget what was not failed on for so long; the caller commits."""
    connection.execute(statement("alerts/retry_faults"), {"older_s": older_s})
