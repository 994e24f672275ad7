"""Settings that the data chose, in words and numbers to compare: by level the weight of each kind of expert."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from forecasting.choosing.candidates import Answer
from forecasting.choosing.choose import Choice
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.levels import level_name

# An expert with less is left out of the table.
SHARE_MIN = 0.005


def learnt_settings(
    hierarchy: Hierarchy, choice: Choice, answers: Mapping[str, Answer]
) -> tuple[dict[str, Any], ...]:
    """Return a row per level: level_name, method of reconciling, and shares of weight by expert and by window.

    Shares are means over the level's nodes. Baselines have learnt nothing and give no row.
    """
    rows = []
    for name in choice.weights:
        mixture = answers[name].mixture
        if mixture is None:
            continue
        for level, of in mixture.weights.items():
            share = of.weights.mean(axis=1)
            rows.append(
                {
                    "level": level,
                    "level_name": level_name(hierarchy.levels[level]),
                    "method": answers[name].method,
                    "experts": _summed(share, [n.split(" @")[0] for n in of.names]),
                    "windows": _summed(share, [n.partition(" @")[2] or "-" for n in of.names]),
                }
            )
    return tuple(rows)


def _summed(share: "np.ndarray[Any, np.dtype[np.float64]]", names: list[str]) -> dict[str, float]:
    total: dict[str, float] = {}
    for name, value in zip(names, share, strict=True):
        total[name] = total.get(name, 0.0) + float(value)
    ranked = sorted(total.items(), key=lambda pair: -pair[1])
    return {name: round(value, 4) for name, value in ranked if value >= SHARE_MIN}
