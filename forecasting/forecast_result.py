"""A finished forecast: the numbers of every node, what they are made of, and why they are these."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.choose import Choice
from forecasting.choosing.kept import Learnt
from forecasting.experts.explain import (
    Explanation,
)
from forecasting.experts.models import FittedGroup
from forecasting.intervals.joint_draw import PathPlan, draw_days

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Past:
    """What m leaves sold in the last S periods, and what the forecast expects of these at the level of the future.

    days: (S,) dates. sold: (m, S) units. empty: (m, S), shelf empty for a time. expected: (m, S) units, NaN where sales
    say nothing about demand, or the forecast cannot say it.
    """

    days: pd.DatetimeIndex
    sold: Array
    empty: NDArray[np.bool_]
    expected: Array


@dataclass(frozen=True)
class Forecast:
    """A forecast and why it is this one.

    mean: (n, h) units, coherent. quantiles: (n, h, q) units. history: (n, T) units. warnings: (n,) codes or None.
    choice: the candidate that is published. scores: of all candidates at the origins that chose, columns origin and
    SCORE_COLUMNS. errors: frame of `evaluate`, of the choice on the reported period, which took no part in choosing.
    explanation: the parts that the mean is made of. path_plan: draws joint sample paths of the leaves, as often as
    needed (`sample_paths`). models: the fitted models by name, their rows counted as those of S. score, champion_score:
    errors of the choice and of the champion on the same origins, None if one was not tested. learnt: what
    `refresh_forecast` needs of this run. past: what the same forecast says of the periods before it.
    """

    mean: Array
    quantiles: Array
    history: Array
    warnings: tuple[str | None, ...]
    choice: Choice
    scores: pd.DataFrame
    errors: pd.DataFrame
    explanation: Explanation
    path_plan: PathPlan
    models: Mapping[str, tuple[FittedGroup, ...]]
    score: float | None
    champion_score: float | None
    learnt: Learnt
    past: Past

    @property
    def leaf_paths(self) -> NDArray[np.float32]:
        """Draw the joint sample paths of all leaves at once, (B, m, h), units; sums of them are paths of the nodes."""
        return np.stack(list(draw_days(self.path_plan)), axis=-1).transpose(1, 0, 2)
