"""An order or a transfer that is late, in words: for messages of alerts and for pages."""

from collections.abc import Mapping
from typing import Any


def late_order_words(late: Mapping[str, Any], *, sent: bool = False) -> str:
    """Say how much of an order is late, since when, and what of it is worth most.

    late: `details` of an alert: supplier, since, lines, units, locations, top. sent: it is a transfer, and its
    supplier the location that sends it.
    """
    lines, places, top = late["lines"], late["locations"], late["top"]
    word = "from" if sent else "of"
    whose = f" {word} {late['supplier']}" if late["supplier"] else ""
    goods = f"{_amount(top['quantity'], top['unit'])} of {top['product_name'] or top['product']}"
    worth = f" ({top['worth']:,.2f} {top['currency'] or ''}".rstrip() + ")" if top["worth"] else ""
    place = top["location_name"] or top["location"]
    if lines == 1:
        return f"1 line{whose} should have come by {late['since']}: {goods} for {place}{worth}."
    amounts = ", ".join(_amount(amount, unit) for unit, amount in sorted(late["units"].items()))
    where, whither = (
        (place, "") if len(places) == 1 else (f"{len(places)} locations", f" for {place}")
    )
    return (
        f"{lines:,} lines{whose} should have come by {late['since']}: {amounts} for {where}."
        f" Worth most: {goods}{whither}{worth}."
    )


def _amount(amount: float, unit: str) -> str:
    word = ("unit" if amount == 1 else "units") if unit == "each" else unit
    return f"{amount:,.10g} {word}"
