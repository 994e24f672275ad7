"""Guesses about the time of a file's rows, for somebody to confirm: its columns, their form, the time zone."""

import re
from zoneinfo import available_timezones

from ingest.files.column_guesses import Columns
from ingest.files.raw_table import literal, quoted

OTHER_DAY = re.compile(r"(\d{1,2})([./-])(\d{1,2})[./-](\d{4})(?: +(.*))?")
CLOCKS = {
    "%H:%M": r"\d{1,2}:\d{2}",
    "%H:%M:%S": r"\d{1,2}:\d{2}:\d{2}",
    "%I:%M %p": r"\d{1,2}:\d{2} [AaPp][Mm]",
    "%I:%M:%S %p": r"\d{1,2}:\d{2}:\d{2} [AaPp][Mm]",
}
# Zones as tills name them.
ZONE_NAMES = {
    "Hawaii": "Pacific/Honolulu",
    "Alaska": "America/Anchorage",
    "Pacific Time (US & Canada)": "America/Los_Angeles",
    "Arizona": "America/Phoenix",
    "Mountain Time (US & Canada)": "America/Denver",
    "Central Time (US & Canada)": "America/Chicago",
    "Eastern Time (US & Canada)": "America/New_York",
    "Atlantic Time (Canada)": "America/Halifax",
    "London": "Europe/London",
    "Dublin": "Europe/Dublin",
    "Paris": "Europe/Paris",
    "Madrid": "Europe/Madrid",
    "Tokyo": "Asia/Tokyo",
    "Sydney": "Australia/Sydney",
    "Melbourne": "Australia/Melbourne",
}
ZONES_MAX = 12


def time_of(columns: Columns) -> tuple[str, str] | None:
    """Return the SQL of the event's time, and what to confirm about it; None if no column looks like one."""
    name, clock = columns.role("time"), _clock(columns)
    if name is None:
        return None
    kind, zone = columns.type_of(name), zone_of(columns)
    if kind == "DATE":
        if clock is None:
            return f"{quoted(name)} + INTERVAL 12 HOUR", "the export knows no time of day: noon"
        parts = [quoted(name), quoted(clock), *([zone] if zone else [])]
        return " || ' ' || ".join(parts), _asked(columns, "when it happened")
    if kind.startswith("TIMESTAMP"):
        value = columns.carried(name)
        local = kind == "TIMESTAMP" and zone
        return f"timezone({zone}, {value})" if local else value, "when it happened"
    return _other_day(columns, name, clock, zone)


def text_when_joined(columns: Columns) -> set[str]:
    """Return the columns that must stay text because the time is put together of them."""
    name, clock = columns.role("time"), _clock(columns)
    return {name, clock} if name and clock and columns.type_of(name) == "DATE" else set()


def zone_of(columns: Columns) -> str | None:
    """Return SQL of the time zone that the rows name, or None."""
    name = columns.role("zone")
    said = sorted(set(columns.seen[name])) if name else []
    if name is None or not 0 < len(said) <= ZONES_MAX:
        return None
    if set(said) <= available_timezones():
        return quoted(name)
    known = [f"WHEN {literal(z)} THEN {literal(ZONE_NAMES[z])}" for z in said if z in ZONE_NAMES]
    return f"CASE {quoted(name)} {' '.join(known)} END" if known else None


def _asked(columns: Columns, asked: str) -> str:
    """Return what to confirm, with the zones that have no name here."""
    name = columns.role("zone")
    said = sorted(set(columns.seen[name]))[:ZONES_MAX] if name else []
    missing = [z for z in said if z not in ZONE_NAMES and z not in available_timezones()]
    return f"{asked}; add the zones of {missing}, such as Europe/Rome" if missing else asked


def _clock(columns: Columns) -> str | None:
    clock = columns.role("clock")
    return None if clock == columns.role("time") else clock


def _other_day(columns: Columns, name: str, clock: str | None, zone: str | None) -> tuple[str, str]:
    parts = [found for value in columns.seen[name] if (found := OTHER_DAY.fullmatch(value))]
    if len(parts) < max(1, len(columns.seen[name])):
        return quoted(name), "its form is not known: see Types in docs/mappings.md"
    day, sure = _day_form(parts)
    value, clocks = quoted(name), [found[5] or "" for found in parts]
    if clock and not any(clocks):
        value, clocks = f"{value} || ' ' || {quoted(clock)}", columns.seen[clock]
    if not any(clocks):
        noon = f"strptime({value}, {literal(day)}) + INTERVAL 12 HOUR"
        return noon, f"{sure}; without a time of day, noon"
    form = next(
        (f for f, seen in CLOCKS.items() if all(re.fullmatch(seen, c) for c in clocks)), "%H:%M"
    )
    sql = f"strptime({value}, {literal(f'{day} {form}')})"
    local = f"timezone({zone}, {sql})" if zone else sql
    return local, _asked(columns, f"{sure}, and that of the time of day")


def _day_form(parts: list[re.Match[str]]) -> tuple[str, str]:
    """Return the form of days with the year last, and what of it is not sure."""
    mark = parts[0][2]
    first, second = max(int(p[1]) for p in parts), max(int(p[3]) for p in parts)
    order = ("%d", "%m") if first > 12 or (second <= 12 and mark == ".") else ("%m", "%d")
    sure = "day and month" if max(first, second) <= 12 else "the form"
    return f"{order[0]}{mark}{order[1]}{mark}%Y", sure
