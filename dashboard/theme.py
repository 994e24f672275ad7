"""Colours by role, for light and dark, and the ways of writing numbers and dates that all pages share."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import altair as alt
import streamlit as st


@dataclass(frozen=True)
class Roles:
    """Colours by role, chosen so that any two stay apart for protan, deutan and tritan sight.

    even: the middle of a scale that runs both ways.
    """

    actual: str
    forecast: str
    stock_out: str
    promotion: str
    incoming: str
    baseline: str
    even: str
    band_opacity: tuple[float, float, float]


LIGHT = Roles(
    "#1F2328", "#2081DC", "#D55E00", "#822A75", "#235D36", "#8A9099", "#EEF0F2", (0.34, 0.22, 0.12)
)
DARK = Roles(
    "#E8EAED", "#6592FC", "#FD6822", "#C889C1", "#27E877", "#7D8F6C", "#2A2F36", (0.42, 0.28, 0.16)
)
CHART_HEIGHT = 280
# Letters of a line under a chart's title; what is longer would be cut.
LINE_MAX = 125
# Charts narrower than this stand on a phone.
PHONE_PX = 420
# Opacity of what a phone has no room for.
NOT_ON_A_PHONE = alt.ExprRef(f"width < {PHONE_PX} ? 0 : 1")
NO_CHANGE = "no change"


def roles() -> Roles:
    """Return the roles of the reader's present theme; light where it is not known."""
    return DARK if st.context.theme.type == "dark" else LIGHT


def chart_frame(chart: alt.TopLevelMixin, role: Roles, *, title: str, subtitle: str) -> Any:
    """Add a title (the finding) and a subtitle (units and filter) to a chart."""
    return chart.properties(
        title=alt.TitleParams(
            title,
            subtitle=lines_of(subtitle),
            anchor="start",
            fontSize=15,
            subtitleFontSize=12,
            subtitleColor=role.actual,
            offset=12,
        ),
        config=_readable(role),
    )


def legend(names: int, *, orient: str = "top", narrow: int = 2) -> alt.Legend:
    """Build the legend of colours with so many names: in one row, on a phone in several, so that none is cut."""
    columns = alt.ExprRef(f"width < {PHONE_PX} ? {narrow} : {names}")
    return alt.Legend(orient=orient, title=None, symbolType="square", columns=columns)


def lines_of(text: str) -> str | list[str]:
    """Break a text that is too long for one line of a chart between its sentences."""
    if len(text) <= LINE_MAX:
        return text
    lines = [""]
    for sentence in re.split(r"(?<=\.) (?=[A-Z])", text):
        if lines[-1] and len(lines[-1]) + len(sentence) >= LINE_MAX:
            lines.append("")
        lines[-1] = f"{lines[-1]} {sentence}".strip()
    return lines


def readable_axes(chart: Any, role: Roles) -> Any:
    """Write a chart's axes in the colour of the text; Streamlit's grey is too pale to read.

    A mark that says nothing of its own shows no tooltip: by default it would show its raw fields.
    """
    return chart.properties(config=_readable(role))


def _readable(role: Roles) -> alt.Config:
    """Set all at once: each change of a chart copies all of its layers."""
    return alt.Config(
        axis=alt.AxisConfig(labelColor=role.actual, titleColor=role.actual),
        legend=alt.LegendConfig(labelColor=role.actual, titleColor=role.actual),
        mark=alt.MarkConfig(tooltip=None),
    )


def quantity(value: float | None) -> str:
    """Write units for people: whole from ten on, no more than needed below."""
    if value is None:
        return "unknown"
    return f"{value:,.0f}" if abs(value) >= 10 or float(value).is_integer() else f"{value:,.1f}"


def amount(value: float | None, currency: str | None) -> str:
    """Write money for people: no cents above a thousand; without a currency only the number."""
    if value is None:
        return "unknown"
    number = f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:,.2f}"
    return f"{currency} {number}" if currency else number


def when(instant: datetime | None, *, now: datetime | None = None) -> str:
    """Write an instant for people, in UTC: the time today, else the day and the time, else the date."""
    if instant is None:
        return "never"
    now = now or datetime.now(UTC)
    if instant.date() == now.date():
        return f"{instant:%H:%M} UTC"
    if abs((now - instant).days) < 7:
        return f"{instant:%a %d %b %H:%M} UTC"
    return f"{instant:%Y-%m-%d}"


def days_between(first: date, last: date, *, today: date | None = None) -> str:
    """Format a range of days, both included: "28 Nov–25 Dec", with the years where they differ, or are not today's."""
    now = first.year if today is None else today.year
    with_year = "" if first.year == last.year == now else " %Y"
    return f"{first:%-d %b{with_year}}–{last:%-d %b{with_year}}"


def change(now: float, before: float, form: str = "+.1%") -> str:
    """Format by what share a number changed; "no change" where the share would be written as 0. before: not 0."""
    written = format(now / before - 1, form)
    return written if any(digit in written for digit in "123456789") else NO_CHANGE


def counted(value: float, unit: str) -> str:
    """Write units with their word: "1 unit", "66 units", "1.5 kg"."""
    word = unit_word(unit)
    return f"{quantity(value)} {'unit' if word == 'units' and value == 1 else word}"


def unit_word(unit: str) -> str:
    """Return the unit as it reads after a number: nobody says "66 each"."""
    return "units" if unit == "each" else unit


def plain(text: str) -> str:
    """Escape text from outside, so that Markdown shows it unchanged."""
    return re.sub(r"([\\`*_{}\[\]()#+!|~$:<>&-])", r"\\\1", text)


def distinct(names: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Make names unique for choosing and for axes: where two are the same, each gets its code."""
    count = Counter(names)
    return [
        f"{name} ({code})" if count[name] > 1 else name
        for name, code in zip(names, codes, strict=True)
    ]


def plural(count: int, one: str, many: str | None = None) -> str:
    """Write a count with its noun."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def in_words(names: Sequence[str]) -> str:
    """Write a list as people say it: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)
