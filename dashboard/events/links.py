"""Links from rows of pages to the events behind them."""

from datetime import date

from dashboard.links import page_link

ICON = ":material/receipt_long:"


def events_link(
    label: str = "Events behind it",
    *,
    product: str | None = None,
    shop: str | None = None,
    first: date | None = None,
    last: date | None = None,
    source: str | None = None,
    table: str | None = None,
) -> None:
    """Draw a link to the events of a product, a shop (its code), or some days; of all that are left out."""
    asked = {
        "of_product": product,
        "of_shop": shop,
        "of_first": None if first is None else first.isoformat(),
        "of_last": None if last is None else last.isoformat(),
        "of_source": source,
        "of_table": table,
    }
    given = {name: value for name, value in asked.items() if value is not None}
    page_link("events", label, icon=ICON, **given)
