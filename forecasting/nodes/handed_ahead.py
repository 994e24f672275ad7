"""Successions that begin within the horizon: from their day on a share of the forecast goes to the successor.

n nodes, m leaves, h periods ahead, q quantiles. Until that day both sell as they are. Means and paths stay coherent:
leaves are moved, and all else is summed again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from forecasting.nodes.demand import Demand
from forecasting.nodes.hand_over import hand_over, wholly_replaced
from forecasting.nodes.lifecycle import REPLACED
from forecasting.nodes.successions import Links, link_rows, period_share
from forecasting.structure.hierarchy import Hierarchy

Array = NDArray[np.float64]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class HandedAhead:
    """links: of each level's nodes, the leaves last, all beginning within the horizon. parts: (k, h) of each level."""

    hierarchy: Hierarchy
    links: tuple[Links, ...]
    parts: tuple[Array, ...]

    def mean(self, mean: Array) -> Array:
        """Move the leaves' forecast, and sum up. mean: (n, h); returns a new one."""
        leaves = hand_over(mean[-self.hierarchy.n_leaves :], self.links[-1], self.parts[-1])
        return self.hierarchy.sum_leaves(leaves)

    def quantiles(self, quantiles: Array, before: Array, after: Array) -> Array:
        """Move quantiles (n, h, q) as means moved, from `before` (n, h) to `after`.

        What a successor sells itself and what it takes over is added as if both were high or low together. A node that
        holds only one of the two, such as a category, is scaled as its mean is.
        """
        out = np.empty_like(quantiles)
        for level, (links, part) in enumerate(zip(self.links, self.parts, strict=True)):
            rows = self.hierarchy.rows(level)
            out[rows] = _moved(quantiles[rows], before[rows], after[rows], links, part)
        return out

    def stand_in(self, units: Array) -> Codes:
        """Find the leaf whose past is used as each leaf's, (m,): a successor without sales has its predecessor's.

        units: (m, T).
        """
        found = np.arange(units.shape[0])
        links, never = self.links[-1], np.asarray(units.sum(axis=1) <= 0)
        for at in links.steps():
            p, s = links.predecessor[at], links.successor[at]
            found[s[never[s]]] = found[p[never[s]]]
        return found

    def warnings(self, codes: Sequence[str | None]) -> tuple[str | None, ...]:
        """Mark nodes that are wholly replaced, and clear the warnings of successors, whose gaps are now filled."""
        told = np.array(codes, dtype=object)
        for level, links in enumerate(self.links):
            rows = self.hierarchy.rows(level)
            told[rows[links.successor]] = None
            told[rows[wholly_replaced(links, rows.size)]] = REPLACED
        return tuple(told)


def _moved(Q: Array, before: Array, after: Array, links: Links, part: Array) -> Array:
    """Move the quantiles (nodes, h, q) of a level; those of whole units stay whole."""
    touched = np.union1d(links.predecessor, links.successor)
    own = Q.copy()
    # what waits for its day has no quantiles of its own
    own[touched] *= before[touched, :, None] > 0
    parts = np.repeat(part, Q.shape[2], axis=1)
    flat = hand_over(own.reshape(Q.shape[0], -1), links, parts).reshape(Q.shape)
    handed = hand_over(before, links, part)
    ratio = np.divide(after, handed, out=np.ones_like(handed), where=handed > 0)
    scaled = np.asarray(flat * ratio[:, :, None])
    if (own[touched] == np.rint(own[touched])).all():
        scaled[touched] = np.rint(scaled[touched])
    return scaled


def handed_ahead(demand: Demand, hierarchy: Hierarchy, horizon: int) -> HandedAhead | None:
    """Find what is handed over within the horizon; None if nothing is."""
    if demand.successions is None:
        return None
    table, future = demand.successions.table, demand.following(horizon)
    links, parts = [], []
    for level, keys in enumerate(hierarchy.levels):
        nodes = hierarchy.nodes.iloc[hierarchy.rows(level)][list(keys)]
        of = link_rows(nodes, table).ahead(np.datetime64(demand.cutoff, "D"))
        part = period_share(of, future, demand.grid)
        within = np.asarray(part.sum(axis=1) > 0)
        links.append(of.of(within))
        parts.append(part[within])
    if not links[-1].share.size:
        return None
    return HandedAhead(hierarchy, tuple(links), tuple(parts))
