"""Customers: who buys, who stops, and how much of sales hangs on few of them."""

from collections.abc import Mapping
from typing import Any

import pandas as pd
import streamlit as st

from catalog.frames import read_frame
from dashboard.customers.asking import NO_CURRENCY, Scope
from dashboard.customers.fit import fit_panel
from dashboard.customers.groups import cohorts_panel, concentration_panel, segments_panel
from dashboard.customers.list import list_panel
from dashboard.customers.one import one_panel
from dashboard.customers.periods import periods_panel
from dashboard.customers.person import find_box
from dashboard.freshness import data_state
from dashboard.friendly_errors import isolated
from dashboard.panels import rows_foot, rows_words
from dashboard.reader import Reader
from dashboard.report_rows import Asked, report_rows
from dashboard.sums import UNNAMED
from dashboard.theme import plural
from dashboard.widgets import switch
from stocktide.foundation.errors import Transient
from stocktide.foundation.users import User

TABS = {
    "segments": "Segments",
    "periods": "Periods",
    "cohorts": "Cohorts",
    "concentration": "Concentration",
    "customers": "Customers",
    "fit": "Prediction",
}
PANELS = {
    "segments": segments_panel,
    "periods": periods_panel,
    "cohorts": cohorts_panel,
    "concentration": concentration_panel,
    "customers": list_panel,
    "fit": fit_panel,
}


def render(reader: Reader, user: User) -> None:
    """Draw the page."""
    state = data_state(reader)
    if state.newest is None:
        st.info(f"{state.why} Customers appear here once sales that name them are loaded.")
        return
    asked = Asked(reader, "customers_overview")
    overview = report_rows(asked)
    if overview is None:
        return
    known = overview[overview["customers"] > 0]
    if known.empty:
        st.info(
            "No sale names a customer yet, so nothing can be said of them. Send `customer_id` with sales and "
            "returns: any "
            "id that means the same customer each time. It is stored encrypted."
        )
        return
    currency = _currency(known)
    kept = _kept(reader)
    scope = Scope(reader, user, state, currency, kept.get(currency, {}))
    pseudonym = st.query_params.get("customer", "")
    st.markdown("\n".join(f"- {line}" for line in overview_lines(overview)))
    rows_foot(
        state,
        rows_words(len(overview), len(overview), "currency", "currencies"),
        key="customers.overview",
        file="customers-overview",
        read=overview.copy,
        sql=asked.as_sql("Customers at a glance"),
    )
    find_box(scope)
    try:
        if pseudonym:
            with isolated("the customer"):
                one_panel(scope, pseudonym)
            return
        name = switch("tab", "Show", TABS)
        with isolated(TABS[name]):
            PANELS[name](scope)
    except Transient as away:
        st.error(away.message)


def _currency(known: pd.DataFrame) -> str:
    """Choose a currency where customers bought in several: amounts of two are not added up."""
    codes = {str(code) or NO_CURRENCY: str(code) for code in known["currency"]}
    if len(codes) == 1:
        return next(iter(codes.values()))
    named = {key: code or UNNAMED for key, code in codes.items()}
    return codes[switch("currency", "Currency", named)]


def _kept(reader: Reader) -> Mapping[str, Any]:
    """Return what the last run that valued customers kept, by currency."""
    runs = read_frame(reader.engine, "customer_values_run")
    if runs.empty:
        return {}
    run = runs.iloc[0]
    said = run["detail"].get("currencies", {})
    return {code: {**one, "run_id": int(run["run_id"])} for code, one in said.items()}


def overview_lines(overview: pd.DataFrame) -> list[str]:
    """Describe customers at a glance, a line a currency: how many, and which share of sales names none."""
    lines = []
    several = len(overview) > 1
    for row in overview.to_dict("records"):
        said = f"**{plural(int(row['customers']), 'customer')}**"
        said += f", {int(row['repeat_customers']):,} of them on more than one day"
        said += f"; {int(row['active_customers']):,} bought in the last 365 days."
        share = row["unnamed_share"]
        if share == share and share is not None:
            said += f" {share:.0%} of net sales name no customer."
        lines.append(f"{row['currency'] or UNNAMED}: {said}" if several else said)
    return lines
