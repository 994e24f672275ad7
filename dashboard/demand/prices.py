"""What prices do: volume against price, and what promotions brought beyond ordinary days."""

from typing import Any

import pandas as pd
import streamlit as st

from dashboard.charts import draw_chart
from dashboard.demand.asking import YEAR_DAYS, Scope
from dashboard.demand.figures import price_points
from dashboard.glossary import tip
from dashboard.panels import rows_words
from dashboard.report_rows import report_rows
from dashboard.theme import counted, days_between, plain, plural, quantity, roles, unit_word
from dashboard.widgets import table

# Fewer say more about chance than about customers.
PRICE_CHANGES_MIN = 20
ROWS = 50
NONE_COMPARED = (
    "No promotion of the last 52 weeks can be compared with ordinary days. Send prices with `promotion`, and the stock "
    "of what is promoted."
)


def price_panel(scope: Scope) -> None:
    """Draw units sold against prices, each beside the mean of its product and shop."""
    st.header("Price against volume", help=tip("elasticity"))
    asked = scope.ask("price_volume", days=YEAR_DAYS)
    rows = report_rows(asked)
    if rows is None:
        return
    changes = 0 if rows.empty else int(rows["price_changes"].iloc[0])
    if changes < PRICE_CHANGES_MIN:
        st.info(
            f"Too few price changes for an elasticity: {changes} in the last 52 weeks held on seven days with stock "
            f"and sales, and {PRICE_CHANGES_MIN} are needed."
        )
    else:
        draw_chart(price_points(rows, roles(), title=elasticity_words(rows)), "demand.price")
    scope.foot(rows_words(len(rows), len(rows), "price step"), rows, asked, "Price against volume")


def elasticity_words(rows: pd.DataFrame) -> str:
    """Describe the elasticity with its standard error. rows: of price_volume."""
    one = rows.iloc[0]
    return (
        f"Elasticity {one['elasticity']:.1f} (standard error {one['standard_error']:.1f}), from "
        f"{plural(int(one['price_changes']), 'price change')}"
    )


def promotions_panel(scope: Scope) -> None:
    """Draw the promotions, those that brought most first."""
    st.header("Promotions", help=tip("promotion lift"))
    asked = scope.ask("promotion_lift", days=YEAR_DAYS)
    rows = scope.rows(asked, NONE_COMPARED)
    if rows is None:
        return
    best = rows.iloc[0]
    clear = int((rows["lift_low"] > 0).sum())
    st.markdown(
        f"**{clear} of {plural(len(rows), 'promotion')} sold clearly more than ordinary days.** Most: "
        f"{plain(best['name'] or best['sku'])}, {counted(best['lift'], best['unit'])} more."
    )
    st.caption(
        "Extra: units beyond the median of the same weekdays outside promotions, eight weeks before and after. Range: "
        "80 %, by how ordinary days vary. After: the same difference in the two weeks after."
    )
    shown = promotion_rows(rows.head(ROWS))
    table(shown, "demand.promotions", _columns())
    scope.foot(rows_words(len(shown), len(rows), "promotion"), rows, asked, "Promotions")


def promotion_rows(rows: pd.DataFrame) -> pd.DataFrame:
    """Build the table of promotions. rows: of promotion_lift."""
    return pd.DataFrame(
        {
            "name": rows["name"].fillna(rows["sku"]),
            "days": [
                days_between(first, last)
                for first, last in zip(rows["first"], rows["last"], strict=True)
            ],
            "shops": rows["shops"],
            "sold": rows["sold"].round(1),
            "ordinary": rows["ordinary"].round(1),
            "lift": rows["lift"].round(1),
            "range": [
                f"{quantity(round(low, 1))} to {quantity(round(high, 1))}"
                for low, high in zip(rows["lift_low"], rows["lift_high"], strict=True)
            ],
            "after": rows["after"].round(1),
            "unit": rows["unit"].map(unit_word),
        }
    )


def _columns() -> dict[str, Any]:
    number = st.column_config.NumberColumn
    return {
        "name": st.column_config.TextColumn("Product", width="medium", pinned=True),
        "days": "Days",
        "shops": number("Shops", width="small"),
        "sold": number("Sold", format="localized"),
        "ordinary": number("On ordinary days", format="localized"),
        "lift": number("Extra", format="localized"),
        "range": "80 % range",
        "after": number("After", format="localized", help="Below zero: purchases came earlier."),
        "unit": "Unit",
    }
