"""Plans and actual values as regressors of leaves: price, promotion, and any other number."""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.known_ahead import PlannedRegressor, Plans
from forecasting.nodes.plan_leaves import group_leaves, spans_of
from forecasting.nodes.plans import Periods, Spans

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Realised:
    """Prices and promotions of m leaves over T periods, as they were.

    price: (m, T) mean of log(price / usual price). promotion: (m, T) share of the period. rest: (m, T) float32, price
    outside promotions at the end of each period. usual_log: (m,) log of micros, NaN where no price is known. has_price,
    has_promotion: (m,), a day told of one.
    """

    price: Array
    promotion: Array
    rest: NDArray[np.float32]
    usual_log: Array
    has_price: Mask
    has_promotion: Mask


def price_regressor(
    prices: pd.DataFrame,
    promotions: pd.DataFrame,
    leaf_keys: pd.DataFrame,
    periods: Periods,
    realised: Realised,
) -> PlannedRegressor:
    """Compute log(price / usual price): planned prices first, then those of promotions.

    A promotion's own price takes the place of the day's, its discount is taken off it. Of two prices that meet, the one
    that begins later counts; of two promotions, the one that was recorded later.
    """
    layers = tuple(
        _price_spans(plans, leaf_keys, periods, realised)
        for plans in (prices.sort_values("starts_on", kind="stable"), promotions)
        if len(plans)
    )
    plans = Plans(layers, np.arange(len(leaf_keys)), periods, realised.rest)
    return _joined(plans, realised.price, realised.has_price)


def promotion_regressor(
    promotions: pd.DataFrame, leaf_keys: pd.DataFrame, periods: Periods, realised: Realised
) -> PlannedRegressor:
    """Compute the share of each period on promotion."""
    groups, group = group_leaves(leaf_keys, promotions)
    on = np.ones(len(promotions))
    spans = spans_of(promotions, groups, periods, realised.promotion.shape[1], on)
    plans = Plans((spans,) if len(promotions) else (), group, periods)
    return _joined(plans, realised.promotion, realised.has_promotion)


def plain_regressor(
    planned: pd.DataFrame,
    value: pd.Series,
    leaf_keys: pd.DataFrame,
    periods: Periods,
    n_history: int,
) -> PlannedRegressor | None:
    """Build a regressor of plans alone; None without a plan. value: of each plan."""
    if planned.empty:
        return None
    groups, group = group_leaves(leaf_keys, planned)
    spans = spans_of(planned, groups, periods, n_history, value.to_numpy(dtype=np.float64))
    plans = Plans((spans,), group, periods)
    return PlannedRegressor(plans.whole(n_history), _known_when_over(plans), plans)


def _price_spans(
    plans: pd.DataFrame, leaf_keys: pd.DataFrame, periods: Periods, realised: Realised
) -> Spans:
    plans = plans[plans["price_micros"].notna() | plans["discount"].notna()]
    price = plans["price_micros"].to_numpy(dtype=np.float64, na_value=np.nan)
    off = plans["discount"].to_numpy(dtype=np.float64, na_value=np.nan)
    relative = np.isnan(price)
    value = np.where(relative, np.log1p(-off), np.log(price))
    n_history = realised.price.shape[1]
    spans = spans_of(plans, leaf_keys, periods, n_history, value, relative=relative)
    usual = np.where(spans.relative, 0.0, realised.usual_log[spans.leaf])
    against = replace(spans, value=spans.value - usual)
    # a price means nothing for a leaf whose usual one is not known
    return against.where(np.isfinite(against.value))


def _joined(plans: Plans, realised: Array, told: Mask) -> PlannedRegressor:
    """Join the past as it was with the plans ahead. told: (m,) leaves of which the past was told; else its plans."""
    n_history = realised.shape[1]
    past = realised
    if plans.layers and not told.all():
        past = np.where(told[:, None], realised, plans.whole(n_history)[:, :n_history])
    values = np.concatenate([past, plans.after(n_history)], axis=1)
    return PlannedRegressor(values, _known_when_over(plans), plans)


def _known_when_over(plans: Plans) -> NDArray[np.int64]:
    """Return the period at whose end each value was known: its own, (m, T + H). The plans tell what was known ahead."""
    n_periods = plans.periods.days.size
    return np.broadcast_to(np.arange(n_periods), (plans.group.size, n_periods))
