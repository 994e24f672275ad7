"""What has become of goods of our own that were sent and have not come."""

import streamlit as st

from dashboard.theme import plain


def rest_field(source: str, key: str) -> str:
    """Ask what became of the goods; return it as the API takes it. source: the location that sent them."""
    words = {
        "returned": f"Back in the stock of {plain(source)}",
        "lost": f"Lost: written off at {plain(source)}",
    }
    return st.radio("What has not arrived is", list(words), key=key, format_func=words.__getitem__)
