"""Words of the page: segments with their rules, and what a run says of its fits."""

from collections.abc import Mapping
from typing import Any

from dashboard.theme import amount, plural

# In the order of value; the rules themselves are in sql/report_parts/customer_segments.sql.
SEGMENTS = {
    "best": "recency, frequency and value 4 or 5",
    "loyal": "frequency 4 or 5, recency 3 or more",
    "new": "bought on one day only, recency 4 or 5",
    "promising": "recency 3 or more, bought on few days",
    "at risk": "frequency or value 4 or 5, but recency 1 or 2",
    "lost": "all others",
}
SCORES = (
    "Scores run from 1 to 5: recency by the last day with a purchase, frequency by the number of such days, value by "
    "net "
    "sales. A score is 1, and one more for each fifth of all customers whose limit one is above; the first rule that "
    "fits gives the segment."
)
UNSURE = (
    "The likelihood is flat, so the intervals hold chance and each customer's own habits, but not how unsure the "
    "parameters are."
)


def named(segment: str) -> str:
    """Return a segment as it stands in a table."""
    return segment.capitalize()


def range_words(low: float | None, high: float | None, currency: str) -> str:
    """Write an interval of money: "EUR 1,200–1,900"; "" where it is not known."""
    if low is None or high is None or low != low or high != high:
        return ""
    return f"{amount(low, currency or None)}–{amount(high, None)}"


def certain_words(share: float) -> str:
    """Write a probability; nothing that is predicted is certain."""
    return f"{share:.0%}" if 0.01 <= share < 0.995 else ">99%" if share > 0.5 else "<1%"


def fit_lines(values: Mapping[str, Any]) -> list[str]:
    """Describe the fits of a currency, a line a fact. values: what the run kept of the currency."""
    lines = []
    bought, spent = values.get("purchases"), values.get("spend")
    history = (
        f"{plural(values['customers'], 'customer')} over {values['history_days'] // 7:,} weeks"
    )
    lines.append(f"{history}; {values['repeaters']:,} bought on more than one day.")
    if bought is not None:
        numbers = ", ".join(f"{name} {bought[name]:.3g}" for name in ("r", "alpha", "a", "b"))
        lines.append(
            f"BG/NBD, purchases a week: {numbers}; log likelihood {bought['log_likelihood']:,.1f}"
            f" ({bought['status'].replace('_', ' ')})."
        )
    if spent is not None:
        numbers = ", ".join(f"{name} {spent[name]:.3g}" for name in ("p", "q", "gamma"))
        lines.append(
            f"Gamma-Gamma, value of a day: {numbers}; log likelihood {spent['log_likelihood']:,.1f}"
            f" ({spent['status'].replace('_', ' ')})."
        )
    if (correlation := values.get("correlation")) is not None:
        lines.append(independence_words(correlation, bool(values["independent"])))
    if any(fit is not None and not fit["certain"] for fit in (bought, spent)):
        lines.append(UNSURE)
    return lines


def independence_words(correlation: float, independent: bool) -> str:
    """Describe how far what Gamma-Gamma takes for granted holds."""
    said = (
        f"How often customers buy and how much they spend at once correlate by {correlation:+.2f}"
    )
    if independent:
        return f"{said}: weakly, as Gamma-Gamma assumes."
    return f"{said}. Gamma-Gamma assumes that they do not, so values are wrong for those who buy most often."


def holdout_words(held: Mapping[str, Any], currency: str) -> str:
    """Describe what the held-out third says."""
    code = currency or None
    return (
        f"Fitted up to {held['cut']}, the models expected {held['orders']:,.0f} days with a purchase in the "
        f"{held['weeks']:.0f} weeks after, and {held['orders_came']:,.0f} came; of {amount(held['value'], code)} "
        f"({range_words(held['value_low'], held['value_high'], '')}), {amount(held['value_came'], code)} came. "
        f"{held['inside']:.0%} of customers were inside their interval."
    )
