"""Orders: what to order today, from whom and why, and what buyers make of it."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.feeds.fixing import SAID
from dashboard.filters import choose
from dashboard.freshness import data_state
from dashboard.orders.desk import (
    PAGE_ROWS,
    TOGETHER_MAX,
    decide,
    read_all,
    read_lines,
    read_suppliers,
)
from dashboard.orders.line import draw_line
from dashboard.orders.moves import draw_moves
from dashboard.orders.steps import draw_pager, draw_steps, page_asked, turn_to
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.theme import amount, counted, plain, plural, quantity
from dashboard.widgets import OPENS, clicked, rows_key, switch, table
from stocktide.foundation.users import User

STATES = {
    "open": "To decide",
    "waiting": "Second approver",
    "snoozed": "Snoozed",
    "ordered": "Ordered",
    "late": "Late",
    "received": "Received",
    "rejected": "Rejected",
    "cancelled": "Cancelled",
}
SORTS = {
    "risk": "At risk",
    "cost": "Cost",
    "product": "Product",
    "location": "Shop",
    "supplier": "Supplier",
    "expected": "Expected",
}
# In the session: the table and row that was clicked last.
CLICKED = "orders.clicked"
# Columns that are shown where a line has something in them.
# Columns of some states, and of chains with rules of approval: empty ones only take room.
SOMETIMES = ("proposed", "until", "order", "expected", "received", "needs", "by", "source")
EVERY_SUPPLIER = "All suppliers"
AT_ONCE = " `stocktide orders propose` does it at once."
NONE = {
    "open": "Nothing to order. Lines are proposed every morning from the published forecast, stock and the terms of "
    "buying.",
    "waiting": "No line waits for a second approver.",
    "snoozed": "No line is snoozed.",
    "ordered": "Nothing was ordered here yet. What you approve is on order at once.",
    "late": "Nothing is late: what was ordered has come, or is not due yet.",
    "received": "Nothing that was ordered here has come in full yet.",
    "rejected": "No line was rejected.",
    "cancelled": "No order was cancelled.",
}


def render(reader: Reader, user: User) -> None:
    """Draw the lines of a state, those first that risk most, and the one that was clicked."""
    if SAID in st.session_state:
        done, said = st.session_state.pop(SAID)
        (st.success if done else st.warning)(plain(said))
    filters = choose(reader)
    state = switch("state", "Lines", STATES)
    sort = switch("sort", "Sorted by", SORTS)
    suppliers, unread = read_suppliers(reader, state)
    supplier = _supplier(suppliers, is_open=state == "open")
    asked = {"state": state, "supplier": supplier, "sort": sort, **filters.asked}
    page = page_asked()
    listed, why = read_lines(reader, offset=(page - 1) * PAGE_ROWS, limit=PAGE_ROWS, **asked)
    if why or unread:
        st.warning(plain(why or unread))
        return
    lines, found = listed["lines"], listed["found"]
    if state == "open":
        for waiting in read_frame(reader.engine, "orders_waiting")["why"]:
            st.caption(f":material/hourglass_empty: {plain(waiting)}.")
        draw_moves(reader, user)
    if not lines:
        if page > 1:
            turn_to(1)
            st.rerun()
        # commands are for who runs Stocktide
        at_once = AT_ONCE if state == "open" and user.role == "operator" else ""
        st.info(NONE[state] + at_once)
        return
    _sums(listed)
    _table(lines)
    draw_pager(page, found)
    _approve_all(reader, user, listed, asked)
    rows_foot(
        data_state(reader),
        rows_words(len(lines), found, "line"),
        key="orders.csv",
        file="orders",
        read=lambda: line_rows(read_all(reader, **asked)),
    )
    number = next((at for at, line in enumerate(lines) if _is_named(line)), None)
    draw_steps(lines, number)
    if number is None:
        st.caption("Click a line, or press J, to see why it is this much and to decide on it.")
    else:
        after = lines[number + 1]["line_id"] if number + 1 < len(lines) else None
        draw_line(reader, user, lines[number], after=after)


def _is_named(line: Mapping[str, Any]) -> bool:
    return str(line["line_id"]) == st.query_params.get("line")


def _table(lines: list[dict[str, Any]]) -> None:
    """Draw the lines of a page; the one that was clicked last goes into the address."""
    key = f"orders.list.{rows_key(_ids(lines))}"
    row = clicked(table(line_rows(lines), key, _columns(), **OPENS), len(lines))
    # a click that was acted on stays in the table, and the keys have moved on since
    if row is not None and st.session_state.get(CLICKED) != (key, row):
        st.query_params["line"] = str(lines[row]["line_id"])
    st.session_state[CLICKED] = (key, row)


def _ids(lines: list[dict[str, Any]]) -> list[tuple[int, int]]:
    return [(line["line_id"], line["version"]) for line in lines]


def _supplier(suppliers: list[dict[str, Any]], *, is_open: bool) -> str | None:
    """Offer the suppliers of the lines, with what they cost, and where they are open until when to order."""
    names = {one["supplier"]: _supplier_words(one, is_open=is_open) for one in suppliers}
    chosen = st.selectbox(
        "Supplier",
        ["", *names],
        format_func=lambda one: names.get(one, EVERY_SUPPLIER),
        key="orders.supplier",
    )
    return chosen or None


def _supplier_words(one: dict[str, Any], *, is_open: bool) -> str:
    parts = [str(one["name"]), plural(one["lines"], "line")]
    if one["amount"] is not None:
        parts.append(amount(one["amount"], one["currency"]))
    if not is_open:
        return " · ".join(parts)
    if one["amount"] is not None:
        lack = (one["minimum_value"] or 0) - one["amount"]
        if one["minimum_value"] is not None:
            below = f"{amount(lack, one['currency'])} below the minimum"
            parts.append("minimum met" if lack <= 0 else below)
    if one["cutoff"]:
        parts.append(
            f"order by {one['cutoff']}" + (f" ({one['timezone']})" if one["timezone"] else "")
        )
    return " · ".join(parts)


def _sums(listed: Mapping[str, Any]) -> None:
    """Write what all lines cost and risk; amounts of several currencies stand side by side.

    What is at risk is counted at selling prices, and the supplier may be paid in another currency.
    """
    is_ours = all(line["source"] is not None for line in listed["lines"])
    with st.container(horizontal=True):
        st.metric("Lines", f"{listed['found']:,}")
        # transfers alone cost nothing
        st.metric("Cost", "nothing" if is_ours and not listed["cost"] else _amounts(listed["cost"]))
        st.metric(
            "Sales at risk without them",
            _amounts(listed["at_risk"]),
            help="What a warehouse and the shops that it supplies would lose of a product counts once.",
        )


def _amounts(sums: Mapping[str, float]) -> str:
    return " + ".join(amount(value, code) for code, value in sorted(sums.items())) or "not known"


def line_rows(lines: list[dict[str, Any]]) -> pd.DataFrame:
    """Build the table's rows."""
    rows = [
        {
            "product": line["product_name"],
            "location": line["location_name"],
            "quantity": counted(line["quantity"], line["unit"]),
            "proposed": None if line["buyer"] is None else quantity(line["proposed"]),
            "amount": line["amount"],
            "currency": line["currency"] or "",
            "at_risk": line["at_risk"],
            "why": line["explanation"].get("sentence", ""),
            "needs": line.get("why_not") or "",
            "by": line["approved_by"] or "",
            "source": line["source_name"] or "",
            "supplier": line["supplier_name"],
            "state": line["state"],
            "until": line["snoozed_until"],
            "order": line["order_id"] or "",
            "received": line["received"],
            "expected": line["expected_on"],
            "sku": line["product"],
        }
        for line in lines
    ]
    frame = pd.DataFrame(rows, columns=list(_columns()))
    empty = [name for name in SOMETIMES if not (frame[name].notna() & (frame[name] != "")).any()]
    return frame.drop(columns=empty)


def _columns() -> dict[str, Any]:
    return {
        "product": st.column_config.TextColumn("Product", pinned=True, width="medium"),
        "quantity": st.column_config.TextColumn("Order"),
        "proposed": st.column_config.TextColumn("Proposed", help="Where a buyer has changed it."),
        "location": st.column_config.TextColumn("Shop", width="medium"),
        "until": st.column_config.DateColumn("Until"),
        "order": "Ordered as",
        "expected": st.column_config.DateColumn("Expected"),
        "received": st.column_config.NumberColumn("Received", format="localized"),
        "amount": st.column_config.NumberColumn("Cost", format="%.2f"),
        "currency": "Currency",
        "at_risk": st.column_config.NumberColumn(
            "At risk", format="%.2f", help="Sales expected to be lost without the order."
        ),
        "needs": st.column_config.TextColumn(
            "Why a person",
            width="medium",
            help="Why no rule of approval lets it through; empty: no rule is on.",
        ),
        "why": st.column_config.TextColumn("Why", width="large"),
        "by": st.column_config.TextColumn("Approved by", help="A person, or the rule that did."),
        "source": st.column_config.TextColumn(
            "Transfer from",
            width="medium",
            help="The location of ours that sends it; empty: it is bought.",
        ),
        "supplier": st.column_config.TextColumn("Supplier", width="medium"),
        "state": "State",
        "sku": "SKU",
    }


def _approve_all(
    reader: Reader, user: User, listed: Mapping[str, Any], asked: Mapping[str, Any]
) -> None:
    """Offer to approve what stands there of one supplier, as it stands there."""
    if not user.buys or asked["supplier"] is None or asked["state"] not in ("open", "waiting"):
        return
    if listed["found"] > len(listed["lines"]):
        listed, _ = read_lines(reader, limit=TOGETHER_MAX, **asked)
    some = [line for line in listed["lines"] if line["state"] != "snoozed" and line["quantity"] > 0]
    if some and st.button(
        f"Approve {plural(len(some), 'line')}",
        key="orders.approve_all",
        type="primary",
        help=f"{_approves(some)} Snoozed lines stay.",
    ):
        st.session_state[SAID] = decide(reader, some, "approve")
        st.rerun()


def _approves(lines: list[dict[str, Any]]) -> str:
    """Say what an approval of lines of one supplier does."""
    if any(line["source"] is None for line in lines):
        return "Makes one purchase order of them, and puts it on order."
    return "Sends them as one transfer: the goods are in transit at once."
