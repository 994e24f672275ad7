"""What a replay says, in sentences: for the page and for the report."""

from collections.abc import Mapping
from typing import Any

KINDS: Mapping[str, str] = {
    "stocktide": "Stocktide, target",
    "(s, S)": "(s, S) of a 28-day mean, factor",
    "naive": "Seasonal naive, quantile",
}
COMPARED = 0.97


def headline(result: Mapping[str, Any]) -> str:
    """Return what came of it in one sentence."""
    weeks = result["options"]["weeks"]
    played = f"{result['items']:,} lines over {weeks} weeks up to {result['as_of']}"
    row = next((one for one in result["saved"] if one["target"] == COMPARED), None)
    others = [] if row is None else [row[name] for name in ("(s, S)", "naive") if row.get(name)]
    if row is None or not others or not row.get("stocktide"):
        return (
            f"{played}: not every policy was played on both sides of a fill rate of {COMPARED:.0%}, so their stock is "
            "not compared there. Give targets below and above it."
        )
    saved = 1 - row["stocktide"] / min(others)
    how = "less" if saved >= 0 else "more"
    return (
        f"{played}: at a fill rate of {COMPARED:.0%} Stocktide needs {row['stocktide']:,.0f} units of stock on "
        f"average, {abs(saved):.1%} {how} than the better of the two usual rules ({min(others):,.0f})."
    )


def assumed(result: Mapping[str, Any]) -> list[str]:
    """Return what was assumed, a sentence each."""
    options, censored = result["options"], result["censored"]
    spread = options["lead_spread"]
    lead = f"Orders take {options['lead_days']} days" + (
        f", at random up to {spread} more or less; they may overtake each other." if spread else "."
    )
    money = [f"Money is in {result['currency']}."] if result.get("currency") else []
    return [
        f"{lead} They are reviewed every {options['review_days']} days.",
        "Customers who find an empty shelf are lost. The first 28 days are played and not counted.",
        "Each forecast was made from what was known then: refitted weekly, with settings chosen every 13 weeks.",
        f"Shelves were empty in {censored['periods']:.1%} of the periods played. Demand there is unknown; it counts "
        f"as at least what such periods asked for before, {censored['units']:.1%} of all demand.",
        f"Packs, minimums, costs and shelf lives are those in force today; {result['terms_known']:,} of "
        f"{result['items']:,} lines have a supplier's terms; where there are none, defaults hold.",
        "All policies begin with stock for the review period and a day, and with the mean demand of the lead time on "
        "its way.",
        *money,
    ]
