"""One customer: first and last purchase, value by month, orders, lines and favourite products."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.customers.asking import Scope
from dashboard.customers.figures import month_bars
from dashboard.customers.person import who_box
from dashboard.customers.words import certain_words, named, range_words
from dashboard.panels import rows_words
from dashboard.sums import UNNAMED, amount_column
from dashboard.theme import amount, counted, plain, plural, roles
from dashboard.widgets import table

ROWS = 50
NUMBER, TEXT, DATE = (
    st.column_config.NumberColumn,
    st.column_config.TextColumn,
    st.column_config.DateColumn,
)
DAY = DATE("Day", format="D MMM YYYY")


def one_panel(scope: Scope, pseudonym: str) -> None:
    """Draw one customer's history."""
    st.header(f"Customer {plain(pseudonym)}")
    st.button(
        "Back to all customers", key="customers.back", on_click=_leave, icon=":material/arrow_back:"
    )
    rows = scope.read_one("customer_one", pseudonym)
    if rows.empty:
        st.info(
            "No customer of this pseudonym has bought or brought back anything. Check it, or go back to the list."
        )
        return
    st.markdown("\n".join(f"- {line}" for line in one_lines(rows)))
    who_box(scope, pseudonym)
    _months(scope, pseudonym)
    for draw in (_products, _orders, _lines):
        draw(scope, pseudonym)


def _leave() -> None:
    st.query_params.pop("customer", None)


def one_lines(rows: pd.DataFrame) -> list[str]:
    """Describe a customer, a line a currency. rows: of customer_one."""
    lines = []
    for row in rows.to_dict("records"):
        code = row["currency"] or None
        if row["days"] == 0:
            lines.append(f"Brought back {amount(row['returns'], code)}, bought nothing.")
            continue
        said = (
            f"**{named(row['segment'])}** ({row['recency_score']}-{row['frequency_score']}-{row['value_score']}): "
            f"bought on "
            f"{plural(int(row['days']), 'day')} from {row['first_day']:%-d %b %Y} to {row['last_day']:%-d %b %Y}, "
            f"{amount(row['sales'], code)} in {plural(int(row['orders']), 'order')}"
        )
        said += f", and brought back {amount(row['returns'], code)}." if row["returns"] else "."
        if known := range_words(row["low"], row["high"], str(row["currency"])):
            said += (
                f" Next 12 months: {amount(row['expected_value'], code)} expected, {known} with 90 % probability; "
                f"still buys with {certain_words(row['p_alive'])}."
            )
        lines.append(f"{UNNAMED.capitalize()}: {said}" if code is None and len(rows) > 1 else said)
    return lines


def _months(scope: Scope, pseudonym: str) -> None:
    st.subheader("By month")
    rows = scope.read_one("customer_months", pseudonym)
    if rows.empty:
        st.info("This customer bought nothing.")
        return
    codes = rows.groupby("currency")["sales"].sum().sort_values(ascending=False).index
    mine = rows[rows["currency"] == codes[0]]
    best = mine.iloc[int(mine["sales"].to_numpy().argmax())]
    title = f"Most in {best['month']:%b %Y}: {amount(best['sales'], codes[0] or None)}"
    draw_chart(month_bars(mine, roles(), title=title, currency=str(codes[0])), "customers.months")
    words = rows_words(len(mine), len(rows), "month")
    scope.foot(scope.ask_one("customer_months", pseudonym), rows, words, "One customer by month")


def _listed(
    scope: Scope,
    pseudonym: str,
    report: str,
    title: str,
    nothing: str,
    columns: Callable[[pd.DataFrame], dict[str, Any]],
    one: str,
) -> None:
    """Draw one of the customer's lists."""
    st.subheader(title)
    rows = scope.read_one(report, pseudonym, rows=ROWS)
    if rows.empty:
        st.info(nothing)
        return
    shown = rows.copy()
    looks = columns(shown)
    table(shown[list(looks)], f"customers.{report}.{pseudonym}", looks)
    words = rows_words(len(rows), int(rows["found"].iloc[0]), one)
    scope.foot(scope.ask_one(report, pseudonym, rows=ROWS), rows, words, f"{title} of a customer")


def _products(scope: Scope, pseudonym: str) -> None:
    def columns(rows: pd.DataFrame) -> dict[str, Any]:
        rows["sold"] = _with_unit(rows, "sold")
        rows["last_day"] = rows["last_day"].dt.date
        return {
            "name": TEXT("Product", width="medium", pinned=True),
            "days": NUMBER("Days bought"),
            "sold": TEXT("Units"),
            "net_sales": amount_column(rows, "net_sales", "Net sales"),
            "last_day": DATE("Last bought", format="D MMM YYYY"),
        }

    nothing = "No order of this customer has lines."
    _listed(
        scope, pseudonym, "customer_products", "Favourite products", nothing, columns, "product"
    )


def _orders(scope: Scope, pseudonym: str) -> None:
    def columns(rows: pd.DataFrame) -> dict[str, Any]:
        rows["day"] = rows["day"].dt.date
        return {
            "day": DAY,
            "order_id": TEXT("Order"),
            "location": TEXT("Shop", width="medium"),
            "channel": TEXT("Channel"),
            "lines": NUMBER("Lines"),
            "sales": amount_column(rows, "sales", "Bought"),
            "returns": amount_column(rows, "returns", "Brought back"),
        }

    nothing = "Sales of this customer name no order: send `order_id` with them."
    _listed(scope, pseudonym, "customer_orders", "Orders", nothing, columns, "order")


def _lines(scope: Scope, pseudonym: str) -> None:
    def columns(rows: pd.DataFrame) -> dict[str, Any]:
        rows["day"] = rows["day"].dt.date
        for name in ("sold", "returned"):
            rows[name] = _with_unit(rows, name)
        return {
            "day": DAY,
            "order_id": TEXT("Order"),
            "name": TEXT("Product", width="medium"),
            "sold": TEXT("Bought"),
            "returned": TEXT("Brought back"),
            "sales": amount_column(rows, "sales", "Amount"),
        }

    nothing = "Sales of this customer name no order: send `order_id` with them."
    _listed(scope, pseudonym, "customer_lines", "Lines of orders", nothing, columns, "line")


def _with_unit(rows: pd.DataFrame, name: str) -> list[str | None]:
    return [
        counted(value, unit or "each") if value else None
        for value, unit in zip(rows[name], rows["unit"], strict=True)
    ]
