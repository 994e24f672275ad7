"""Customers by groups: segments, cohorts, and how much hangs on the best of them."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.customers.asking import FEW, Scope
from dashboard.customers.figures import (
    COHORTS_MAX,
    MONTHS_MAX,
    cohort_cells,
    concentration_curve,
)
from dashboard.customers.words import SCORES, SEGMENTS, named, range_words
from dashboard.fiscal import MONTHS, fiscal_asked
from dashboard.glossary import tip
from dashboard.links import page_link
from dashboard.panels import rows_words
from dashboard.theme import plural, roles
from dashboard.widgets import OPENS, clicked, table

TOPS = (1, 10, 20)


def segments_panel(scope: Scope) -> None:
    """Draw the segments: rule, customers, sales, and what they are expected to buy."""
    st.header("Segments", help=tip("rfm score"))
    asked = scope.ask("customer_segments")
    rows = scope.read("customer_segments")
    if rows.empty:
        st.info("No customer has bought anything yet, only brought something back.")
        return
    shown = segment_rows(rows, scope)
    event = table(shown, f"customers.segments.{scope.currency}", _segment_columns(scope), **OPENS)
    st.caption(SCORES)
    _total(scope)
    chosen = clicked(event, len(rows))
    if chosen is not None:
        segment = str(rows["segment"].iloc[chosen])
        page_link(
            "customers",
            f"List the customers: **{named(segment)}**",
            icon=":material/list:",
            tab="customers",
            segment=segment,
            **_kept_currency(),
        )
    scope.foot(asked, rows, rows_words(len(rows), len(rows), "segment"), "Customers by segment")


def _kept_currency() -> dict[str, str]:
    return {"currency": st.query_params["currency"]} if "currency" in st.query_params else {}


def segment_rows(rows: pd.DataFrame, scope: Scope) -> pd.DataFrame:
    """Build the table of segments. rows: of customer_segments."""
    worth = {one["segment"]: one for one in scope.values.get("segments", [])}
    ranges = [
        range_words(of.get("low"), of.get("high"), scope.currency)
        for of in (worth.get(segment, {}) for segment in rows["segment"])
    ]
    return pd.DataFrame(
        {
            "segment": rows["segment"].map(named),
            "customers": rows["customers"],
            "share_of_customers": 100 * rows["share_of_customers"],
            "net_sales": rows["net_sales"].round(),
            "share_of_sales": 100 * rows["share_of_sales"],
            "days_since_last": rows["days_since_last"],
            "expected_value": rows["expected_value"].round(),
            "range": ranges,
            "rule": rows["segment"].map(SEGMENTS),
        }
    )


def _total(scope: Scope) -> None:
    """Say what all customers together are expected to buy."""
    every = [one for one in scope.values.get("segments", []) if one["segment"] == "all"]
    if not every or every[0]["low"] is None:
        st.caption(_no_values(scope))
        return
    said = range_words(every[0]["low"], every[0]["high"], scope.currency)
    st.caption(
        f"All of them together: {said} in the 12 months after {scope.values['as_of']}, with "
        f"{scope.values['level']:.0%} probability, of customers known by then (run {scope.values['run_id']:,})."
    )


def _no_values(scope: Scope) -> str:
    why = scope.values.get("why", [])
    if why:
        return f"Nothing is predicted in this currency: {'; '.join(why)}."
    return (
        "Nothing is predicted yet: the job `customer_values` does it every night, and `stocktide customers values` "
        "at once."
    )


def _segment_columns(scope: Scope) -> dict[str, Any]:
    number, text = st.column_config.NumberColumn, st.column_config.TextColumn
    code = f", {scope.currency}" if scope.currency else ""
    return {
        "segment": text("Segment", pinned=True),
        "rule": text("Rule", width="large"),
        "customers": number("Customers", format="localized"),
        "share_of_customers": number("Share", format="%.1f %%"),
        "net_sales": number(f"Net sales{code}", format="localized"),
        "share_of_sales": number("Share of sales", format="%.1f %%"),
        "days_since_last": number("Days since last", format="%.0f", help="Median of the segment."),
        "expected_value": number(
            f"Next 12 months{code}", format="localized", help=tip("expected value")
        ),
        "range": text("90 % interval", help=tip("expected value")),
    }


def cohorts_panel(scope: Scope) -> None:
    """Draw who came back how many months after the first purchase."""
    st.header("Cohorts", help=tip("cohort"))
    settings = scope.reader.settings
    asked = scope.ask("customer_cohorts", **fiscal_asked(settings))
    rows = scope.read("customer_cohorts", **fiscal_asked(settings))
    later = rows[(rows["months_since"] > 0) & (rows["customers"] >= FEW)]
    newest = sorted(later["cohort"].unique())[-COHORTS_MAX:]
    shown = later[later["cohort"].isin(newest) & (later["months_since"] <= MONTHS_MAX)]
    if shown.empty:
        st.info(
            f"No month has {FEW} first purchases and another month after it yet. Cohorts appear once it has."
        )
        return
    over = shown[(shown["months_since"] == 1) & shown["complete"]]
    title = "Customers by the month of their first purchase"
    if not over.empty:
        back = over["active"].sum() / over["customers"].sum()
        title = f"{back:.0%} of customers bought again in the month after their first"
    draw_chart(cohort_cells(shown, roles(), title=title), "customers.cohorts")
    if settings.fiscal_calendar != MONTHS:
        st.caption(
            f"Months are periods of the fiscal calendar ({settings.fiscal_calendar}), named by their first day."
        )
    few = rows[rows["customers"] < FEW]["cohort"].nunique()
    if few:
        st.caption(f"{plural(few, 'month')} with fewer than {FEW} first purchases left out.")
    count = rows["cohort"].nunique()
    words = rows_words(shown["cohort"].nunique(), count, "cohort")
    scope.foot(asked, rows, words, "Cohorts of customers")


def concentration_panel(scope: Scope) -> None:
    """Draw how much of sales hangs on the best customers."""
    st.header("Concentration")
    asked = scope.ask("customer_concentration")
    rows = scope.read("customer_concentration")
    if rows.empty:
        st.info(
            "No customer has bought more than was brought back, so there is nothing to share out."
        )
        return
    share = dict(zip(rows["percent"], rows["share"], strict=True))
    people = dict(zip(rows["percent"], rows["customers"], strict=True))
    said = [
        f"{top} % ({plural(int(people[top]), 'customer')}) make {share[top]:.0%}" for top in TOPS
    ]
    title = f"Of net sales, the best {said[0]}, the best {said[1]}, and the best {said[2]}"
    draw_chart(
        concentration_curve(rows, roles(), title=title, currency=scope.currency),
        "customers.concentration",
    )
    scope.foot(asked, rows, rows_words(len(rows), len(rows), "step"), "Concentration of sales")
