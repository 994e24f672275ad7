"""Demand with the histories of replaced products moved to their successors."""

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.nodes.demand import Demand
from forecasting.nodes.hand_over import blend, hand_over_history, wholly_replaced
from forecasting.nodes.successions import Successions, link_rows, period_share

Mask = NDArray[np.bool_]


def with_successions(demand: Demand, table: pd.DataFrame) -> Demand:
    """Move history along the successions that have begun by the demand's last day; later ones wait for the forecast.

    table: of `succession_table`. Sums over all leaves stay what they were in every period. Successions are a fact about
    products, not a plan: backtests know them at every origin.
    """
    links = link_rows(demand.leaves, table)
    if not links.share.size:
        return demand
    cutoff = np.datetime64(demand.cutoff, "D")
    begun = links.begun(cutoff)
    part = 1.0 - period_share(begun, demand.days, demand.grid)
    units, empty, begun = hand_over_history(demand.units, demand.empty, begun, part)
    return replace(
        demand,
        units=units,
        empty=empty,
        started=np.argmax(units > 0, axis=1).astype(np.int64),
        successions=Successions(table, begun.followed_by(links.ahead(cutoff))),
    )


def replaced_leaves(demand: Demand) -> Mask:
    """Return which leaves had handed over all that they had by the last day, (m,) in the order of the demand."""
    m = demand.units.shape[0]
    if demand.successions is None:
        return np.zeros(m, dtype=np.bool_)
    begun = demand.successions.links.begun(np.datetime64(demand.cutoff, "D"))
    return wholly_replaced(begun, m)


def waiting_leaves(demand: Demand) -> Mask:
    """Return which leaves have never sold and begin to by a succession that lies ahead, (m,)."""
    waiting = np.zeros(demand.units.shape[0], dtype=np.bool_)
    if demand.successions is not None:
        ahead = demand.successions.links.ahead(np.datetime64(demand.cutoff, "D"))
        waiting[ahead.successor] = True
    return np.asarray(waiting & (demand.units.sum(axis=1) <= 0))


def blended(demand: Demand, X: NDArray[np.float64]) -> NDArray[np.float64]:
    """Blend the plans of leaves along their successions (`blend`). X: (m, D), periods from the first on."""
    if demand.successions is None:
        return X
    links, days = demand.successions.links, demand.days[: X.shape[1]]
    more = X.shape[1] - demand.days.size
    if more > 0:
        days = pd.DatetimeIndex(days.append(demand.following(more)))
    cutoff = np.datetime64(demand.cutoff, "D")
    return blend(X, links, period_share(links, days, demand.grid), cutoff)
