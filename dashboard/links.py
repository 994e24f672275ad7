"""Links between pages: they keep what the pages' filters say, which stands in the address."""

from collections.abc import Mapping
from typing import Any

import streamlit as st

# In the session: the pages that the menu offers, by their path.
PAGES = "links.pages"
# What every page understands; a link keeps it.
GLOBAL = ("store", "cat", "period")


def know_pages(pages: Mapping[str, Any]) -> None:
    """Note the pages that can be linked to, by their path."""
    st.session_state[PAGES] = dict(pages)


def kept() -> dict[str, str]:
    """Return the filters that the address holds."""
    return {name: st.query_params[name] for name in GLOBAL if name in st.query_params}


def page_link(path: str, label: str, *, icon: str | None = None, **query: str) -> None:
    """Draw a link to a page of ours, with its filters and those of this one. label: Markdown."""
    pages = st.session_state[PAGES]
    st.page_link(pages[path], label=label, icon=icon, query_params={**kept(), **query})
