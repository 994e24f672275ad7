"""One line of the order desk: its sentence and chart, where its figures come from, its history, and the decisions."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.feeds.fixing import SAID
from dashboard.links import page_link
from dashboard.orders.chart import stock_chart
from dashboard.orders.desk import PDF, decide, read_file, read_history, read_order
from dashboard.orders.rest import rest_field
from dashboard.overrides.words import change_words
from dashboard.panels import CSV
from dashboard.reader import Reader
from dashboard.theme import counted, plain, plural, quantity, roles
from dashboard.widgets import table, time_column
from stocktide.domain.exact_numbers import MICRO_PLACES, in_full
from stocktide.foundation.users import User

SNOOZE_DAYS = 3
SOURCES = {
    "supplier": "Supplier",
    "lead": "Lead time",
    "target": "Target",
    "cost": "Cost",
    "holding": "Holding cost",
}
# Whose name in the history begins so is no person.
RULE = "rule "
READ_ONLY = "Buyers, planners and operators decide on orders."


# In the session: the line that comes up once this one is decided on.
AFTER = "orders.after"


def draw_line(
    reader: Reader, user: User, line: Mapping[str, Any], *, after: int | None = None
) -> None:
    """Draw a line that was clicked. after: the line that comes up once it is decided on."""
    st.session_state[AFTER] = after
    st.header(f"{plain(line['product_name'])} for {plain(line['location_name'])}")
    why = line["explanation"]
    if why.get("sentence"):
        st.markdown(f"**{plain(why['sentence'])}.**")
    if why.get("doubt"):
        st.warning(
            f"Its stock is in doubt: the book says {quantity(why['data']['on_hand'])}, but nothing sold on "
            f"{plural(why['doubt']['days_without'], 'day')} in stock. The shelf is empty with a chance of "
            f"{why['doubt']['chance']:.0%}: count it before you order."
        )
    if line["source"] is not None:
        st.caption(transfer_words(line))
    for note in why.get("notes", ()):
        st.warning(plain(f"{note[:1].upper()}{note[1:]}."))
    if said := approval_words(line):
        st.caption(said)
    if said := price_words(line):
        st.caption(said)
    if line["buyer"] is not None and line["quantity"] != line["proposed"]:
        chart = ", and the chart is of these" if why.get("days") else ""
        st.markdown(
            f"A buyer set {in_full(line['quantity'])}; {in_full(line['proposed'])} are proposed{chart}."
        )
    for one in why.get("overrides", ()):
        st.markdown(f":material/edit_note: {plain(override_words(one))}")
    if why.get("days"):
        draw_chart(stock_chart(line, roles()), "orders.stock")
    if "from" in why:
        said = " · ".join(f"{SOURCES[name]}: {plain(told)}" for name, told in why["from"].items())
        st.caption(said)
    with st.container(horizontal=True):
        page_link("products", "Product", sku=line["product"], location=line["location"])
        page_link("forecasts", "Forecast", product=line["product"], location=line["location"])
    if user.buys:
        _act(reader, line)
    else:
        st.caption(READ_ONLY)
    _history(reader, line)


def approval_words(line: Mapping[str, Any]) -> str:
    """Say that a rule approved a line, or why none does; "" where people approve all."""
    by = line["approved_by"] or ""
    if by.startswith(RULE):
        return f":material/rule: Approved by {plain(by)}: no person looked at it."
    return (
        f":material/rule: A person is asked: {plain(line['why_not'])}."
        if line.get("why_not")
        else ""
    )


def price_words(line: Mapping[str, Any]) -> str:
    """Say who set a line's price lately, for who approves beside them; "" where nobody did."""
    lately = line.get("price_set")
    if lately is None:
        return ""
    before = (
        "no price was known before"
        if lately["before"] is None
        else f"it was {in_full(lately['before'], MICRO_PLACES)} before"
    )
    price = f"{in_full(line['price'] or 0, MICRO_PLACES)} {line['currency'] or ''}".rstrip()
    return f":material/sell: Price {price}: {plain(lately['by'])} set one on {lately['at'][:10]}, {before}."


def transfer_words(line: Mapping[str, Any]) -> str:
    """Say that a line is no purchase, and what an approval of it does."""
    source = plain(line["source_name"])
    if line["state"] == "ordered":
        return f":material/local_shipping: A transfer from {source}, not a purchase."
    return (
        f":material/local_shipping: A transfer from {source}, not a purchase: once approved, the goods leave there "
        "and are in transit."
    )


def override_words(one: Mapping[str, Any]) -> str:
    """Describe an override that the order's forecast has in it."""
    said = f": {one['note']}" if one.get("note") else ""
    reason = str(one["reason"]).replace("_", " ")
    return (
        f"{one['by']} changed the forecast: {change_words(one['change'], one['value'])}, {one['from']} to {one['to']}, "
        f"{reason}{said}."
    )


def _act(reader: Reader, line: Mapping[str, Any]) -> None:
    """Offer the decisions that the line's state allows."""
    if line["state"] == "ordered":
        _cancel(reader, line)
    elif line["state"] in ("proposed", "snoozed", "waiting"):
        _decide(reader, line)


def _decide(reader: Reader, line: Mapping[str, Any]) -> None:
    key = f"orders.{line['line_id']}.{line['version']}"
    # by the clock of where the goods go, as the desk reads it
    today = date.fromisoformat(line["today"])
    pack = float(line["explanation"].get("data", {}).get("pack", 1.0))
    with st.container(horizontal=True, vertical_alignment="bottom"):
        wanted = st.number_input(
            "Quantity",
            min_value=0.0,
            value=float(line["quantity"]),
            step=pack,
            key=f"{key}.quantity",
        )
        reason = st.text_input(
            "Reason", key=f"{key}.reason", max_chars=500, placeholder="Saved in the history"
        )
        until = st.date_input(
            "Snooze until",
            value=today + timedelta(days=SNOOZE_DAYS),
            min_value=today + timedelta(days=1),
            format="YYYY-MM-DD",
            key=f"{key}.until",
        )
    is_changed = wanted != line["quantity"]
    with st.container(horizontal=True):
        approve = st.button(
            "Approve", key=f"{key}.approve", type="primary", disabled=is_changed, shortcut="A"
        )
        change = st.button("Change", key=f"{key}.change", disabled=not is_changed)
        split = st.button(
            "Split",
            key=f"{key}.split",
            disabled=not 0 < wanted < line["quantity"],
            help="Orders this much now; the rest comes up again on the day of Snooze until.",
        )
        reject = st.button("Reject", key=f"{key}.reject")
        snooze = st.button("Snooze", key=f"{key}.snooze", shortcut="S")
        wake = line["state"] == "snoozed" and st.button("Wake", key=f"{key}.wake")
    if is_changed:
        st.caption(
            "Change the quantity, with a reason, before you approve it; Split orders a part now."
        )
    if approve:
        _done(reader, line, "approve", reason=reason)
    elif change:
        _done(reader, line, "change", quantity=str(wanted), reason=reason)
    elif split and isinstance(until, date):
        _done(
            reader,
            line,
            "split",
            quantity=str(wanted),
            until=until.isoformat(),
            reason=reason,
        )
    elif wake:
        _done(reader, line, "wake", reason=reason)
    elif reject:
        _done(reader, line, "reject", reason=reason)
    elif snooze and isinstance(until, date):
        _done(reader, line, "snooze", until=until.isoformat(), reason=reason)


def _cancel(reader: Reader, line: Mapping[str, Any]) -> None:
    """Show what was ordered, and offer to cancel it unless all of it has come."""
    key = f"orders.{line['line_id']}.{line['version']}"
    done = "Ordered" if line["source"] is None else "Sent"
    st.markdown(
        f"{done} as {plain(line['order_id'])}, line {line['order_line']}: "
        f"{counted(line['ordered'], line['unit'])}, of which {quantity(line['received'])} have come."
    )
    # a transfer has no supplier to write to
    if line["source"] is None and (order := read_order(reader, str(line["order_id"]))):
        _files(reader, order, key)
    rest = line["ordered"] - line["received"]
    if rest <= 0:
        st.caption("All of it has come: nothing is left to cancel.")
        return
    what = f"the other {quantity(rest)}" if line["received"] else "this line"
    goods = None if line["source"] is None else rest_field(str(line["source"]), f"{key}.rest")
    reason = st.text_input("Reason", key=f"{key}.reason", max_chars=500)
    if st.button(f"Cancel {what}", key=f"{key}.cancel"):
        _done(reader, line, "cancel", reason=reason, rest=goods)


def _files(reader: Reader, order: Mapping[str, Any], key: str) -> None:
    """Offer an order as files for its supplier."""
    with st.container(horizontal=True):
        st.download_button(
            f"{order['order_id']} as CSV",
            lambda: read_file(reader, order["order_id"], CSV),
            file_name=f"{order['order_id']}.csv",
            mime=CSV,
            key=f"{key}.order",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            f"{order['order_id']} as PDF",
            lambda: read_file(reader, order["order_id"], PDF),
            file_name=f"{order['order_id']}.pdf",
            mime=PDF,
            key=f"{key}.pdf",
            icon=":material/download:",
            on_click="ignore",
        )


def _done(reader: Reader, line: Mapping[str, Any], action: str, **more: Any) -> None:
    done, said = decide(reader, [dict(line)], action, **more)
    st.session_state[SAID] = (done, said)
    after = st.session_state.get(AFTER)
    if done and action in ("approve", "reject", "snooze") and after is not None:
        st.query_params["line"] = str(after)
    st.rerun()


def _history(reader: Reader, line: Mapping[str, Any]) -> None:
    rows = [
        {
            "at": pd.to_datetime(one["at"]),
            "by": one["by"],
            "action": one["action"],
            "quantity": one["after"]["quantity"],
            "state": one["after"]["state"],
            "reason": one["reason"] or one["after"].get("note", ""),
        }
        for one in read_history(reader, line["line_id"])
    ]
    if not rows:
        return
    st.subheader("History")
    columns = {
        "at": time_column("When"),
        "by": "Who",
        "action": "What",
        "quantity": st.column_config.NumberColumn("Quantity", format="plain"),
        "state": "State after",
        "reason": st.column_config.TextColumn("Reason", width="large"),
    }
    table(pd.DataFrame(rows), f"orders.history.{line['line_id']}", columns)
