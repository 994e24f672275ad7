"""Frame of every page: navigation, who is signed in, and how fresh the figures are."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import streamlit as st

from catalog.completeness import late_words
from catalog.state import import_words, is_late, judge_data, waiting_words
from dashboard.accuracy import page as accuracy
from dashboard.alerts import page as alerts
from dashboard.calendar import page as calendar
from dashboard.customers import page as customers
from dashboard.demand import page as demand
from dashboard.events import page as events
from dashboard.experiments import page as experiments
from dashboard.feeds import page as feeds
from dashboard.forecasts import page as forecasts
from dashboard.freshness import read_freshness
from dashboard.friendly_errors import FAILED, friendly_errors
from dashboard.health import page as health
from dashboard.links import arrive, know_pages, page_link
from dashboard.orders import page as orders
from dashboard.overrides import page as overrides
from dashboard.overview import page as overview
from dashboard.panels import ROLE
from dashboard.past import past_bar
from dashboard.policylab import page as policylab
from dashboard.products import page as products
from dashboard.quality import page as quality
from dashboard.reader import Reader, open_reader, signed_in_user
from dashboard.risk import page as risk
from dashboard.sql import page as sql
from dashboard.system import page as system
from dashboard.terms import page as terms
from dashboard.theme import plural, when
from dashboard.trending import page as trending
from dashboard.whatif import page as whatif
from stocktide.foundation.errors import Unauthorized
from stocktide.foundation.users import User

FORECAST_LATE_S = 3 * 86_400
STYLE, MENU = (Path(__file__).parent / name for name in ("style.css", "menu.html"))

Render = Callable[[Reader, User], None]
PAGES: dict[str, list[tuple[str, str, str, Render]]] = {
    "Insights": [
        ("overview", "Overview", ":material/dashboard:", overview.render),
        ("risk", "Stock risk", ":material/production_quantity_limits:", risk.render),
        ("health", "Inventory health", ":material/monitor_heart:", health.render),
        ("products", "Products", ":material/inventory_2:", products.render),
        ("demand", "Demand", ":material/shopping_basket:", demand.render),
        ("customers", "Customers", ":material/groups:", customers.render),
        ("forecasts", "Forecasts", ":material/show_chart:", forecasts.render),
        ("accuracy", "Accuracy", ":material/target:", accuracy.render),
        ("alerts", "Alerts", ":material/notifications:", alerts.render),
        ("trending", "Trending", ":material/trending_up:", trending.render),
    ],
    "Planning": [
        ("orders", "Orders", ":material/shopping_cart:", orders.render),
        ("overrides", "Overrides", ":material/edit_note:", overrides.render),
        ("whatif", "What-if", ":material/compare_arrows:", whatif.render),
        ("terms", "Terms", ":material/handshake:", terms.render),
        ("policylab", "Policy lab", ":material/biotech:", policylab.render),
        ("calendar", "Calendar", ":material/calendar_month:", calendar.render),
    ],
    "Operations": [
        ("feeds", "Feeds", ":material/sensors:", feeds.render),
        ("events", "Events", ":material/receipt_long:", events.render),
        ("quality", "Quality", ":material/fact_check:", quality.render),
        ("experiments", "Experiments", ":material/science:", experiments.render),
        ("sql", "SQL", ":material/database:", sql.render),
        ("system", "System", ":material/dns:", system.render),
    ],
}


def run_shell() -> None:
    """Draw the page that the address names, for the user who is signed in."""
    reader = open_reader()
    try:
        user = signed_in_user(reader)
    except Unauthorized:
        st.info("Your sign-in has ended. [Sign in again](/signin).")
        return
    page = menu(reader, user)
    st.set_page_config(page_title=f"{page.title} · Stocktide")
    st.html(STYLE)
    st.html(MENU, unsafe_allow_javascript=True)
    with st.sidebar:
        st.caption(f"{user.username} · {user.role}")
        st.markdown('<a href="/signout" target="_self">Sign out</a>', unsafe_allow_html=True)
    page.run()


def menu(reader: Reader, user: User) -> Any:
    """Draw the menu and make its pages known to links; returns the page that the address names."""
    sections = {
        section: [
            st.Page(
                page_script(render, title, reader, user),
                title=title,
                icon=icon,
                url_path=path,
                default=path == "overview",
            )
            for path, title, icon, render in pages
        ]
        for section, pages in PAGES.items()
    }
    # the default page has the address "/"
    known = [page for pages in sections.values() for page in pages]
    know_pages({page.url_path or "overview": page for page in known})
    return st.navigation(sections, expanded=True)


def page_script(render: Render, title: str, reader: Reader, user: User) -> Callable[[], None]:
    """Build what Streamlit runs for a page: title, strip, and the page itself where the database answers."""

    def script() -> None:
        st.title(title)
        arrive(title)
        st.session_state[ROLE] = user.role
        st.session_state.pop(FAILED, None)
        freshness_strip(reader)
        past_bar(reader, title)
        if FAILED not in st.session_state:
            with friendly_errors(title):
                render(reader, user)

    return script


NOT_FINAL = "Figures of these days will still grow: a source sends later, or has fallen silent. See Feeds, Days."


@st.fragment(run_every="30s")
def freshness_strip(reader: Reader) -> None:
    """Draw one line: the latest event, when data and forecast were updated; orange where something is late."""
    with friendly_errors("freshness"):
        known = read_freshness(reader)
        if st.session_state.pop(FAILED, False):
            st.rerun(scope="app")
        with st.container(horizontal=True, vertical_alignment="center"):
            said = " · ".join(freshness_parts(known, reader.clock()))
            st.markdown(said, help="Times are UTC.", width="content")
            if late := late_words(known["late_days"]):
                st.markdown(f":orange-badge[{late}]", help=NOT_FINAL, width="content")
            if known["alerts_open"]:
                many = plural(known["alerts_open"], "open alert")
                page_link("alerts", many, icon=":material/notifications:")


def freshness_parts(known: dict[str, Any], now: datetime) -> list[str]:
    """Return the parts of the strip. A feed's silence is judged by its own page, lateness here by the clock."""
    parts = [
        f"Latest event {when(known['newest_event'], now=now)}"
        if known["newest_event"]
        else "No events yet"
    ]
    lake = known["lake_updated_at"]
    state = judge_data(known, now)
    if state.ended:
        parts.append(f":orange-badge[Figures {state.as_of}]")
    if importing := import_words(known.get("importing")):
        parts.append(f":orange-badge[{importing.removesuffix('.')}]")
    elif lake is None and known.get("waiting"):
        parts.append(f"{waiting_words(known['waiting'])} for the first ETL")
    elif lake is None:
        parts.append("No data loaded yet: run `stocktide etl`")
    elif is_late(known, now):
        parts.append(f":orange-badge[Data late: updated {when(lake, now=now)}]")
    else:
        parts.append(f"Data updated {when(lake, now=now)}")
    published = known["published_at"]
    if published is None:
        parts.append("No forecast yet: run `stocktide forecast`")
    else:
        late = (now - published).total_seconds() > FORECAST_LATE_S
        text = f"Forecast run {known['forecast_run_id']} published {when(published, now=now)}"
        parts.append(f":orange-badge[{text}]" if late else text)
    if known["progress"] is not None:
        parts.append(progress_part(known["progress"]))
    return parts


def progress_part(progress: dict[str, Any]) -> str:
    """Describe how far a run under way is, as far as it reported."""
    share = progress.get("share")
    return "Training" if share is None else f"Training, {100 * share:.0f} %"
