"""What rows of any kind must hold beyond the types of their fields. Every fault names the field and the value."""

from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import Any

from ingest.versions.kinds import Fault

# Farther away is a slip of the keys: 2206 for 2026.
DAY_MIN, DAY_MAX = date(2000, 1, 1), date(2100, 1, 1)
# Clocks of senders may run ahead by so much; what is sent as decided just now is then taken as now.
CLOCKS_DIFFER = timedelta(minutes=5)


def known_since_faults(row: Any, now: datetime) -> Iterator[Fault]:
    """Yield what is wrong with the instant at which a row was decided."""
    known = row.known_since
    if known is not None and known.tzinfo is None:
        yield "bad_instant", "known_since", f"{known} has no offset, such as +00:00 or Z."
    if known is not None and known > now + CLOCKS_DIFFER:
        yield "bad_instant", "known_since", f"{known} lies ahead; leave it out for now."


def text_faults(row: Any, names: Sequence[str]) -> Iterator[Fault]:
    """Yield names that are empty or unprintable, and a product beside its own department or category."""
    for name in names:
        value = getattr(row, name, None)
        if value is not None and not (value.strip() and value.isprintable()):
            yield "bad_text", name, f"{value!r} is no name that people can read."
    if getattr(row, "product", None) is not None and (
        getattr(row, "department", None) or getattr(row, "category", None)
    ):
        why = "A product has its department and category already; name one of them."
        yield "bad_scope", "product", why


def span_faults(first: date, last: date | None, *, days_max: int) -> Iterator[Fault]:
    """Yield what is wrong with a span of days, both included; without a last day it does not end."""
    yield from day_faults(first, "from")
    if last is None:
        return
    yield from day_faults(last, "to")
    if first > last:
        yield "bad_span", "to", f"{last} is before {first}, its first day."
    if (last - first).days >= days_max:
        yield "bad_span", "to", f"{first} to {last} is longer than {days_max} days."


def day_faults(day: date, field: str) -> Iterator[Fault]:
    """Yield what is wrong with a day."""
    if not DAY_MIN <= day < DAY_MAX:
        yield "bad_day", field, f"{day} is not from {DAY_MIN} to {DAY_MAX}."
