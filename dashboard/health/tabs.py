"""The lists of the page, one at a time: each is a report, with its rule above it."""

from collections.abc import Callable
from dataclasses import dataclass, field

import pandas as pd

from dashboard.health.columns import (
    Columns,
    ageing_columns,
    classes_columns,
    phantom_columns,
    shelves_columns,
    shrinkage_columns,
    stock_outs_columns,
    turns_columns,
)

ROWS = 50


@dataclass(frozen=True)
class Tab:
    """A list. columns: prepares its rows, which it may change, and returns how each column that is shown looks.

    one, many: what a row is. more: parameters of the report beside the page's filters.
    """

    title: str
    report: str
    rule: str
    nothing: str
    columns: Callable[[pd.DataFrame], Columns]
    one: str = "shelf"
    many: str = "shelves"
    more: dict[str, str] = field(default_factory=lambda: {"rows": str(ROWS)})


TABS = {
    "shelves": Tab(
        "Shelves",
        "health_shelves",
        "Empty and nearly empty shelves first, then those with most money in excess or dead stock. "
        "Click a row for its product and its events.",
        "No shelf is in this state.",
        shelves_columns,
    ),
    "ageing": Tab(
        "Ageing",
        "health_ageing_shelves",
        "First in, first out: what is on a shelf is taken to be of its newest deliveries, from a supplier or another "
        "location. Most money in stock of more than 90 days first.",
        "No shelf is known to hold stock.",
        ageing_columns,
    ),
    "stock_outs": Tab(
        "Stock-out cost",
        "health_stock_outs",
        "Last 28 days with data: what a shelf sells on a day in stock, less what it sold on days out of stock, at its "
        "latest price.",
        "No known shelf was out of stock in the last 28 days.",
        stock_outs_columns,
    ),
    "shrinkage": Tab(
        "Shrinkage",
        "health_shrinkage",
        "Last 91 days with data: adjustments below zero, and stock that counts did not find; what they found is taken "
        "off the value.",
        "Nothing was written off, and no count differed from the book, in the last 91 days.",
        shrinkage_columns,
    ),
    "phantom": Tab(
        "Probable phantom stock",
        "health_phantom",
        "Count these first. The book says stock, but nothing sells: the chance that the shelf is empty, by the days "
        "without a sale beside those on which it used to sell, and by its sensor. Ranked by what a day costs.",
        "No shelf with stock has stopped selling by more than chance.",
        phantom_columns,
    ),
    "classes": Tab(
        "ABC/XYZ",
        "health_classes",
        "Last 13 weeks. A, B, C: products that bring the first 80 %, the next 15 % and the last 5 % of net sales. X, "
        "Y, Z: weekly units vary by less than half of their mean, by less than the mean, by more.",
        "Nothing was sold in the last 13 weeks.",
        classes_columns,
        "class",
        "classes",
        {},
    ),
    "turns": Tab(
        "Turns and sell-through",
        "health_turns",
        "Turns: cost of what was sold in 13 weeks ÷ average stock value, a year. Sell-through: sold in 28 days ÷ "
        "(sold + on hand + on order). At average cost, or at selling price in a chain that records no costs.",
        "No stock has a cost or a price yet: send receipts with their cost.",
        turns_columns,
        "category",
        "categories",
        {},
    ),
}
