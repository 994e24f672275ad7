"""Filters that every page understands: shop, category and period, kept in the address and over links."""

from dataclasses import dataclass

import streamlit as st

from catalog.frames import read_frame
from dashboard.links import has_arrived, kept, remember
from dashboard.reader import Reader
from dashboard.theme import distinct

EVERYWHERE, EVERYTHING = "All shops", "All categories"
# The period of figures, in days; whole weeks, so that a period has as many Saturdays as the one before.
PERIODS = {"7 days": 7, "28 days": 28, "13 weeks": 91, "52 weeks": 364}


@dataclass(frozen=True)
class Filters:
    """What a page is narrowed to.

    location: code; region, zone: of it; None for all of them. days: the period of its figures.
    """

    location: str | None = None
    region: str | None = None
    zone: str | None = None
    department: str | None = None
    category: str | None = None
    days: int = PERIODS["7 days"]
    shop: str = EVERYWHERE
    group: str = EVERYTHING

    @property
    def asked(self) -> dict[str, str | None]:
        """Return what queries of sql/catalog narrow by."""
        return {
            "location": self.location,
            "department": self.department,
            "category": self.category,
        }

    @property
    def is_all(self) -> bool:
        """Return True where nothing is left out."""
        return self.location is None and self.department is None

    @property
    def words(self) -> str:
        """Describe what is shown: "High Street, Fresh / Dairy"; "" where all is."""
        named = [
            self.shop if self.location else "",
            self.group if self.department else "",
        ]
        return ", ".join(name for name in named if name)

    def among(self, words: str) -> str:
        """Add what is shown to whose figures a panel has."""
        return f"{words}, {self.words}" if self.words else words


def choose(reader: Reader, *, group: bool = True, period: bool = False) -> Filters:
    """Offer the filters, as the address has them; a shop or category that is gone counts as all."""
    found = read_frame(reader.engine, "choices").to_dict("records")
    places = [row for row in found if row["kind"] == "location"]
    names = distinct([row["name"] for row in places], [row["code"] for row in places])
    shops = dict(zip(names, places, strict=True))
    groups = {
        " / ".join(part for part in (row["department"], row["category"]) if part): row
        for row in found
        if row["kind"] == "group"
    }
    with st.container(horizontal=True, vertical_alignment="bottom"):
        shop = _ask("Shop", "store", [EVERYWHERE, *shops])
        chosen = _ask("Category", "cat", [EVERYTHING, *groups]) if group else EVERYTHING
        days = _ask("Period", "period", list(PERIODS)) if period else next(iter(PERIODS))
    place, of = shops.get(shop, {}), groups.get(chosen, {})
    return Filters(
        place.get("code"),
        place.get("region"),
        place.get("timezone"),
        of.get("department"),
        of.get("category"),
        PERIODS[days],
        shop,
        chosen,
    )


def _ask(label: str, key: str, options: list[str]) -> str:
    """Offer one filter. A link brings it in the address, the menu does not: there it is as it was chosen last."""
    if has_arrived() or key not in st.session_state:
        asked = kept().get(key)
        st.session_state[key] = asked if asked in options else options[0]
    chosen = str(st.selectbox(label, options, key=key, width=240))
    remember(key, chosen, options[0])
    return chosen
