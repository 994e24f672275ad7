"""From line to line and from page to page, by a click or by a key."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from dashboard.orders.desk import PAGE_ROWS


def page_asked() -> int:
    """Return the page of lines that the address names, the first unless it names one."""
    asked = st.query_params.get("page", "1")
    return int(asked) if asked.isascii() and asked.isdigit() and 1 <= int(asked) <= 10_000 else 1


def turn_to(page: int) -> None:
    """Write a page of lines into the address, and leave the line that is open."""
    st.query_params.pop("line", None)
    if page == 1:
        st.query_params.pop("page", None)
    else:
        st.query_params["page"] = str(page)


def draw_pager(page: int, found: int) -> None:
    """Offer the pages before and after, where there is more than one."""
    pages = -(-found // PAGE_ROWS)
    if pages == 1:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        _step("Previous page", "P", turn_to, page - 1 if page > 1 else None)
        _step("Next page", "N", turn_to, page + 1 if page < pages else None)
        st.caption(f"Page {page:,} of {pages:,}")


def draw_steps(lines: Sequence[Mapping[str, Any]], number: int | None) -> None:
    """Offer the lines before and after the one that is open; without one, the first."""
    before = number - 1 if number else None
    after = 0 if number is None else number + 1
    with st.container(horizontal=True, vertical_alignment="center"):
        _step("Previous line", "K", _open, None if before is None else lines[before]["line_id"])
        _step("Next line", "J", _open, lines[after]["line_id"] if after < len(lines) else None)
        if number is not None:
            st.caption(f"Line {number + 1} of {len(lines)} on this page")


def _open(line_id: int) -> None:
    st.query_params["line"] = str(line_id)


def _step(label: str, key: str, go: Any, to: int | None) -> None:
    st.button(
        label,
        key=f"orders.step.{key}",
        shortcut=key,
        disabled=to is None,
        on_click=go,
        args=(to,),
    )
