"""Days of unusual demand on the page Forecasts: what is held out of training, and the decision about it."""

from typing import Any

import pandas as pd
import streamlit as st

from catalog.unusual_days import list_unusual_days
from dashboard.api_client import ask_api
from dashboard.reader import Reader
from dashboard.theme import plain, plural, quantity, unit_word
from dashboard.widgets import OPENS, clicked, listed_note, table
from stocktide.foundation.users import User

ROWS_MAX = 100
# In the session: the result of a decision, shown once after the page is drawn again.
SAID = "forecasts.unusual.said"


def unusual_panel(reader: Reader, user: User, waiting: int) -> None:
    """Draw the days that wait for a decision, if there are any; an operator decides here."""
    done, said = st.session_state.pop(SAID, (True, ""))
    if said:
        (st.success if done else st.error)(plain(said))
    if not waiting:
        return
    rows, found = list_unusual_days(reader.engine, state="open", limit=ROWS_MAX)
    with st.expander(
        f"{plural(found, 'day')} of unusual demand held out of training", icon=":material/flag:"
    ):
        st.caption(
            "Each sold far more than its product ever did there, as a mistyped quantity does. Training takes it as a "
            f"usual day until somebody confirms it. {listed_note(len(rows), found)}"
        )
        frame = pd.DataFrame(rows)
        frame["unit"] = frame["unit"].map(unit_word)
        event = table(
            frame[["day", "product", "product_name", "location", "sold", "usual", "unit"]],
            "forecasts.unusual",
            {
                "day": st.column_config.DateColumn("Day"),
                "product": "Product",
                "product_name": "Name",
                "location": "Location",
                "sold": st.column_config.NumberColumn("Sold", format="%,.0f"),
                "usual": st.column_config.NumberColumn("Usual day", format="%,.0f"),
                "unit": "Unit",
            },
            **OPENS,
        )
        row = clicked(event, len(rows))
        if row is None:
            st.caption("Click a day to say what it was.")
        elif user.role != "operator":
            st.caption("An operator says what it was.")
        else:
            _decide(reader, user, rows[row])


def _decide(reader: Reader, user: User, day: dict[str, Any]) -> None:
    st.markdown(
        f"**{day['day']}, {plain(day['product'])} at {plain(day['location'])}**: {quantity(day['sold'])} sold, "
        f"{quantity(day['usual'])} on a usual day."
    )
    reason = st.text_input("Reason", key="forecasts.unusual.reason", max_chars=500)
    with st.container(horizontal=True):
        confirmed = st.button("True demand: learn from it", key="forecasts.unusual.confirm")
        excluded = st.button("An error: leave it out", key="forecasts.unusual.exclude")
    if not confirmed and not excluded:
        return
    if not reason.strip():
        st.warning("Enter a reason.")
        return
    decision = "confirmed" if confirmed else "excluded"
    names = {"product": day["product"], "location": day["location"], "day": str(day["day"])}
    answer, why = ask_api(
        "POST",
        "/v1/unusual-days/decide",
        reader.settings.api_address,
        reader.settings.dashboard_key,
        {**names, "decision": decision, "reason": reason, "user": user.username},
    )
    said = f"{day['day']} of {day['product']} is {decision}; the next forecast takes it so."
    st.session_state[SAID] = (False, why) if answer is None else (True, said)
    st.rerun()
