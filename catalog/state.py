"""State of the data: how far it goes, which of its days are whole, whether it is fresh. Judged here alone."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal
from zoneinfo import ZoneInfo

from catalog.completeness import late_words
from stocktide.domain.rhythm import DAILY, Rhythm

Kind = Literal["fresh", "partial", "stale", "unknown"]
# The ETL runs every few minutes: events that wait longer are late.
LATE_S = 900
DAY = timedelta(days=1)


@dataclass(frozen=True)
class DataState:
    """State of the figures of some locations.

    kind: fresh; partial (an import is not loaded whole); stale (events wait too long, or the newest day is long ago);
    unknown (no figures yet). why: what is missing and what comes next; "" where it is fresh. newest: newest business
    day with figures. today: first business day that is not over at every location. complete: last day that is over
    everywhere, and loaded. ended: the newest day is so long ago that nothing here is of today. not_final: days that are
    over, and of which a part is still to come, in words; "" where all has come.
    """

    kind: Kind
    why: str
    newest: date | None
    today: date
    complete: date
    ended: bool
    not_final: str = ""

    @property
    def open_from(self) -> date:
        """Return the first day whose figures still grow."""
        return self.complete + DAY

    @property
    def as_of(self) -> str:
        """Format the newest day: "as of 9 Dec 2011, the newest data"."""
        return (
            "no data yet"
            if self.newest is None
            else f"as of {in_words(self.newest)}, the newest data"
        )

    def as_dict(self) -> dict[str, Any]:
        """Return the same for machines."""
        return {
            "state": self.kind,
            "why": self.why,
            "newest_day": self.newest,
            "whole_through": self.complete,
            "today": self.today,
            "not_final": self.not_final,
        }

    @property
    def can_compare(self) -> bool:
        """Return True if its whole days may be compared with each other."""
        return self.kind in ("fresh", "stale")


def business_day(now: datetime, zones: Sequence[str]) -> date:
    """Return the day that is not over yet at some of the locations: the earliest of their own."""
    return min((now.astimezone(ZoneInfo(zone)).date() for zone in zones), default=now.date())


def judge_data(
    known: Mapping[str, Any],
    now: datetime,
    *,
    zones: Sequence[str] | None = None,
    rhythm: Rhythm = DAILY,
) -> DataState:
    """Judge the data at `now` (aware).

    known: the row of catalog/freshness. zones: of the locations whose figures are shown, those of all by default. A day
    that ended after the data was loaded is not whole. Figures are of the past where nothing came for two periods of
    `rhythm` and a day: a shop that was closed over a long weekend has not ended.
    """
    zones = zones or known.get("zones") or ["UTC"]
    today = business_day(now, zones)
    loaded = known.get("loaded_at")
    complete = min(today, business_day(loaded, zones) if loaded else today) - DAY
    newest = known.get("newest_day")
    ended = newest is not None and (today - newest).days > 2 * rhythm.days_max + 1
    kind, why = _verdict(known, now, newest, ended)
    not_final = late_words(known.get("late_days"))
    return DataState(kind, why, newest, today, complete, ended, not_final)


def _verdict(
    known: Mapping[str, Any], now: datetime, newest: date | None, ended: bool
) -> tuple[Kind, str]:
    importing = import_words(known.get("importing"))
    if newest is None:
        return "unknown", _before_figures(known, importing)
    if importing:
        return "partial", f"{importing} Until then figures are partial, and not compared."
    if is_late(known, now):
        return "stale", "Newer events wait to be loaded. Check the worker: `stocktide status`."
    if ended:
        return "stale", f"Nothing newer has come up to {in_words(now.date())}."
    return "fresh", ""


def _before_figures(known: Mapping[str, Any], importing: str) -> str:
    if importing:
        return importing
    if waiting := known.get("waiting"):
        return (
            f"{waiting_words(waiting)} for the first ETL; figures follow after it. The worker runs it every few "
            "minutes, or run `stocktide etl`."
        )
    return "No sale, delivery or count is loaded yet."


def waiting_words(events: int) -> str:
    """Describe events that are not loaded yet."""
    return (
        "1 event is received and waits"
        if events == 1
        else f"{events:,} events are received and wait"
    )


def import_words(importing: Mapping[str, Any] | None) -> str:
    """Describe an import that is not loaded whole and what comes next; "" where there is none."""
    if importing is None:
        return ""
    if not importing["running"]:
        return "An import has ended; figures follow after the next ETL."
    rows, of = importing.get("rows"), importing.get("rows_of")
    so_far = f": {rows:,} of about {of:,} rows" if rows is not None and of is not None else ""
    return f"Importing{so_far}; figures follow after the next ETL."


def is_late(known: Mapping[str, Any], now: datetime) -> bool:
    """Return True if events came after the last update of the data, and that is long ago."""
    updated, received = known["lake_updated_at"], known["last_received"]
    if updated is None or received is None or received <= updated:
        return False
    return bool((now - updated).total_seconds() > LATE_S)


def in_words(day: date) -> str:
    """Format a day: "9 Dec 2011"."""
    return f"{day:%-d %b %Y}"
