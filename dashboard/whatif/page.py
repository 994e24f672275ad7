"""What-if: other terms side by side with what is; saved, opened by a link, and applied."""

import streamlit as st

from dashboard.feeds.fixing import SAID
from dashboard.reader import Reader
from dashboard.theme import plain
from dashboard.whatif.drawing import draw_comparison
from dashboard.whatif.form import ask_comparison
from dashboard.whatif.saved import MADE, ask_what_if, draw_saved, list_saved, open_saved
from stocktide.foundation.users import User

READ_ONLY = "Planners and operators compare, save and apply what-ifs."


def render(reader: Reader, user: User) -> None:
    """Draw the page: a saved comparison that the address names, else the form and what is saved."""
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    number = st.query_params.get("id", "")
    if number.isdecimal():
        draw_saved(reader, user, int(number))
        return
    st.markdown(
        "What would other terms do over the days that are forecast? Computed on the forecast's sample paths; nothing "
        "changes until you apply it."
    )
    if user.plans:
        _compare(reader, user)
    else:
        st.caption(READ_ONLY)
    list_saved(reader)


def _compare(reader: Reader, user: User) -> None:
    body, lacking = ask_comparison(reader)
    if st.button("Compare", key="whatif.compare", type="primary"):
        if lacking:
            st.warning(f"Enter: {lacking}.")
            return
        st.session_state[MADE] = (body, *ask_what_if(reader, "POST", "/v1/what-if", body))
    asked, answer, why = st.session_state.get(MADE, (None, None, ""))
    if asked != body:
        return
    if answer is None:
        st.warning(plain(why))
        return
    draw_comparison(reader, body, answer, key="made")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input("Name", key="whatif.name", max_chars=100, placeholder="Saved as")
        if st.button("Save", key="whatif.save", disabled=not name.strip()):
            told = {**body, "name": name.strip(), "user": user.username}
            saved, why = ask_what_if(reader, "POST", "/v1/what-if/saved", told)
            if saved is None:
                st.warning(plain(why))
            else:
                open_saved(int(saved["what_if_id"]))
