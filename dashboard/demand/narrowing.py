"""What the page is narrowed to beside its filters: a weekday, an hour, a month of the year, as the address has them."""

from calendar import day_name, month_name
from dataclasses import dataclass

import streamlit as st

# In the address, with the values that each may have; hours are those of each shop's own clock.
WEEKDAY, HOUR, MONTH = "dow", "hour", "month"
VALUES = {WEEKDAY: range(1, 8), HOUR: range(24), MONTH: range(1, 13)}
# The name of the selection in charts whose cells narrow the page.
CELL = "cell"


@dataclass(frozen=True)
class Narrowed:
    """A part of all days: weekday (1 is Monday), hour, month; None for all of them."""

    weekday: int | None = None
    hour: int | None = None
    month: int | None = None

    @property
    def asked(self) -> dict[str, int | None]:
        """Return the parameters of reports that can be narrowed."""
        return {"weekday": self.weekday, "hour": self.hour, "month": self.month}

    @property
    def words(self) -> str:
        """Describe it: "Saturdays, 10–11 h"; "" where nothing is left out."""
        parts = [
            f"{day_name[self.weekday - 1]}s" if self.weekday is not None else "",
            f"{self.hour}–{self.hour + 1} h" if self.hour is not None else "",
            month_name[self.month] if self.month is not None else "",
        ]
        return ", ".join(part for part in parts if part)

    @property
    def key(self) -> str:
        """Name it in keys of charts: another chart has no cell chosen yet."""
        return ".".join(str(value) for value in self.asked.values())


def narrowed_by_address() -> Narrowed:
    """Return what the address narrows the page to; a value that cannot be read counts as all."""
    return Narrowed(*(_asked(name) for name in VALUES))


def _asked(name: str) -> int | None:
    text = st.query_params.get(name, "")
    known = text.isascii() and text.isdigit() and int(text) in VALUES[name]
    return int(text) if known else None


def narrow_to(chart_key: str, names: tuple[str, ...]) -> None:
    """Put the cell of a chart that was clicked into the address. names: what a cell says, as in the address."""
    cells = st.session_state[chart_key]["selection"].get(CELL) or []
    if cells:
        for name in VALUES:
            st.query_params.pop(name, None)
        st.query_params.update({name: str(int(cells[0][name])) for name in names})


def narrowing_bar(narrowed: Narrowed, panels: str) -> None:
    """Say what the page is narrowed to, and offer all of it. panels: those that are narrowed."""
    if not narrowed.words:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.info(f"{panels} show **{narrowed.words}** alone.", width="stretch")
        st.button("Show all", key="demand.all", on_click=_show_all)


def _show_all() -> None:
    for name in VALUES:
        st.query_params.pop(name, None)
