"""How what customers will buy is predicted, and how good that is."""

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.customers.asking import Scope
from dashboard.customers.figures import holdout_bars
from dashboard.customers.words import fit_lines, holdout_words
from dashboard.theme import plain, roles

METHOD = (
    "BG/NBD tells how often each customer buys and whether they still do, from the days of their purchases alone; "
    "Gamma-Gamma tells what they spend on such a day. The 90 % interval of a customer, a segment and all of them "
    "together comes from 200 simulated years: of each, the parameters are drawn as sure as the fit is of them, then "
    "each customer's own rate and habits, then what happens. Days that only brought something back do not count, and "
    "days without "
    "an amount above zero do not tell what is spent. Customers who are still to come are not in it."
)


def fit_panel(scope: Scope) -> None:
    """Draw the parameters, and what was predicted of days that the models did not see."""
    st.header("How the next 12 months are predicted")
    st.caption(METHOD)
    values = scope.values
    if not values:
        st.info(
            "Nothing is predicted yet. The job `customer_values` does it every night; `stocktide customers values` "
            "does it "
            "at once."
        )
        return
    for why in values["why"]:
        st.warning(f"Not predicted in full: {why}.")
    st.markdown("\n".join(f"- {plain(line)}" for line in fit_lines(values)))
    held = values.get("holdout")
    st.subheader("Predicted and came")
    if held is None:
        st.info(
            "Too little history to hold a third of it out: six weeks and a few customers who bought again are needed."
        )
    else:
        classes = pd.DataFrame(held["classes"])
        title = holdout_words(held, scope.currency)
        last = int(classes["repeats"].max())
        draw_chart(holdout_bars(classes, roles(), title=title, last=last), "customers.holdout")
    st.caption(
        f"Run {values['run_id']:,} of the job customer_values, with data up to {values['as_of']}."
    )
