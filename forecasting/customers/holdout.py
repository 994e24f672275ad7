"""How good a fit is: made on two thirds of history, and compared with what customers did in the last third."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from forecasting.customers.summary import DAYS_A_WEEK, customer_summary
from forecasting.customers.value import CUSTOMERS_MIN, fit_value, predict_groups

# Of the history, what the models do not see.
HELD_OUT = 1 / 3
# The last class is of those who bought again so often or more, as in figure 3 of Fader, Hardie, Lee (2005).
CLASS_MAX = 7
# Of more customers a random part tells the same, and does not take as long again as the prediction itself.
CUSTOMERS_MAX = 100_000
# A history shorter than this has no third to speak of, days.
HISTORY_MIN = 42


@dataclass(frozen=True)
class Holdout:
    """What was predicted for the days held out, and what came. cut: the last day that the models saw.

    orders, value: of all customers together. inside: share of the customers whose value lies in their interval.
    classes: by repeat purchases until the cut, the mean of what was predicted, and of what came.
    """

    cut: str
    weeks: float
    customers: int
    orders: float
    orders_came: float
    value: float
    value_low: float
    value_high: float
    value_came: float
    inside: float
    classes: list[dict[str, Any]]


def hold_out(
    purchases: pd.DataFrame, *, end: pd.Timestamp, level: float, rng: np.random.Generator
) -> Holdout | None:
    """Fit to the first two thirds of the history and predict the rest; None where there is too little of either.

    purchases: as `customer_summary` takes them; of many customers, some are drawn.
    """
    ids = purchases["unique_id"].unique()
    if ids.size > CUSTOMERS_MAX:
        some = rng.choice(ids, CUSTOMERS_MAX, replace=False)
        purchases = purchases[purchases["unique_id"].isin(some)]
    span = (end - purchases["ds"].min()).days if len(purchases) else 0
    if span < HISTORY_MIN:
        return None
    cut = end - pd.Timedelta(days=int(span * HELD_OUT))
    summary = customer_summary(purchases, end=cut)
    if int((summary["paid"] > 0).sum()) < CUSTOMERS_MIN:
        return None
    fit = fit_value(summary)
    weeks = (end - cut).days / DAYS_A_WEEK
    everybody = np.zeros(len(summary), dtype=np.int64)
    predicted, sums = predict_groups(summary, fit, everybody, t=weeks, rng=rng, level=level)
    came = _came(purchases[purchases["ds"] > cut], summary["unique_id"])
    inside = (came["value"] >= predicted["low"]) & (came["value"] <= predicted["high"])
    return Holdout(
        f"{cut:%Y-%m-%d}",
        weeks,
        len(summary),
        float(predicted["purchases"].sum()),
        float(came["days"].sum()),
        float(sums["value"].iloc[-1]),
        float(sums["low"].iloc[-1]),
        float(sums["high"].iloc[-1]),
        float(came["value"].sum()),
        float(inside.mean()),
        _classes(summary["frequency"], predicted["purchases"], came["days"]),
    )


def _came(later: pd.DataFrame, ids: "pd.Series[Any]") -> pd.DataFrame:
    """Return days with a purchase and their value of each customer, in the order of ids."""
    bought = later[~(later["value"] < 0)]
    days = bought.groupby("unique_id")["ds"].nunique().reindex(ids, fill_value=0)
    value = later.groupby("unique_id")["value"].sum().reindex(ids, fill_value=0.0)
    return pd.DataFrame({"days": days.to_numpy(), "value": value.to_numpy()})


def _classes(
    frequency: "pd.Series[int]", predicted: "pd.Series[float]", came: "pd.Series[float]"
) -> list[dict[str, Any]]:
    classes = np.minimum(frequency.to_numpy(), CLASS_MAX)
    frame = pd.DataFrame({"repeats": classes, "predicted": predicted, "came": came})
    means = frame.groupby("repeats", as_index=False).agg(
        customers=("came", "size"), predicted=("predicted", "mean"), came=("came", "mean")
    )
    counts = {"repeats", "customers"}
    return [
        {str(name): int(value) if name in counts else float(value) for name, value in row.items()}
        for row in means.to_dict("records")
    ]
