"""Links between pages: they keep what the pages' filters say, which stands in the address."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

# In the session: the pages that the menu offers, by their path.
PAGES = "links.pages"
# In the session: the filters that were chosen last.
CHOSEN = "links.chosen"
# In the session: the page that was drawn last, and whether it was another one before.
PAGE, ARRIVED = "links.page", "links.arrived"
# What every page understands; a link keeps it.
GLOBAL = ("store", "cat", "period", "asof")


def know_pages(pages: Mapping[str, Any]) -> None:
    """Note the pages that can be linked to, by their path."""
    st.session_state[PAGES] = dict(pages)


def kept() -> dict[str, str]:
    """Return the filters that were chosen last, here or on another page."""
    here = {name: st.query_params[name] for name in GLOBAL if name in st.query_params}
    return {**st.session_state.get(CHOSEN, {}), **here}


def arrive(page: str) -> None:
    """Note which page is drawn, and whether another one was before it."""
    st.session_state[ARRIVED] = st.session_state.get(PAGE) not in (None, page)
    st.session_state[PAGE] = page


def has_arrived() -> bool:
    """Return True if another page was drawn before this one."""
    return bool(st.session_state.get(ARRIVED))


def remember(name: str, value: str, default: str) -> None:
    """Keep a filter in the address and for other pages; its default is not worth a word."""
    chosen = {key: said for key, said in st.session_state.get(CHOSEN, {}).items() if key != name}
    if value == default:
        st.query_params.pop(name, None)
    else:
        chosen[name] = st.query_params[name] = value
    st.session_state[CHOSEN] = chosen


def page_link(path: str, label: str, *, icon: str | None = None, **query: str) -> None:
    """Draw a link to a page of ours, with its filters and those of this one. label: Markdown."""
    pages = st.session_state[PAGES]
    st.page_link(pages[path], label=label, icon=icon, query_params={**kept(), **query})


def go_to(path: str, **query: str) -> None:
    """Go to a page of ours, with its filters and those of this one."""
    st.switch_page(st.session_state[PAGES][path], query_params={**kept(), **query})
