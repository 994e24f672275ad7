"""What an override must hold beyond the types of its fields. Every fault names the field and the value."""

import math
from collections.abc import Iterator
from datetime import datetime

from ingest.overrides.shapes import SCOPE, OverrideIn
from ingest.versions.checks import day_faults, known_since_faults, span_faults, text_faults
from ingest.versions.kinds import Fault
from stocktide.domain.exact_numbers import as_typed, in_full

SPAN_DAYS_MAX = 730
VALUE_MAX = 1e9
# Ten times the forecast; whoever knows of more knows how much, and sets it.
PERCENT_MAX = 900.0


def faults_of(override: OverrideIn, now: datetime) -> Iterator[Fault]:
    """Yield what keeps an override from being recorded. Later checks rely on earlier ones: stop at the first fault."""
    yield from text_faults(override, (*SCOPE, "note"))
    yield from known_since_faults(override, now)
    yield from span_faults(override.from_, override.to, days_max=SPAN_DAYS_MAX)
    yield from _value(override)
    if override.reason == "other" and override.note is None:
        yield "bad_reason", "note", "Say why: the reason 'other' needs a note."
    if override.expires_on is not None:
        yield from day_faults(override.expires_on, "expires_on")
        if override.expires_on < now.date():
            why = f"{override.expires_on} is over, so it would never count."
            yield "bad_day", "expires_on", why


def _value(override: OverrideIn) -> Iterator[Fault]:
    value = override.value
    if not (math.isfinite(value) and abs(value) <= VALUE_MAX):
        yield "bad_value", "value", f"{as_typed(value)} is not a number up to {in_full(VALUE_MAX)}."
    if override.change == "set" and value < 0:
        yield (
            "bad_value",
            "value",
            f"{as_typed(value)} is below 0; nobody sells fewer than 0 units.",
        )
    if override.change == "percent" and not -100 <= value <= PERCENT_MAX:
        yield (
            "bad_value",
            "value",
            f"{as_typed(value)} is not from -100 to {in_full(PERCENT_MAX)} per cent; for more, set the units.",
        )
    if override.change != "set" and value == 0:
        yield "bad_value", "value", "0 changes nothing."
