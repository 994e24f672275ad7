"""The contest: a champion's choice scored on the origins of a newer backtest, and what is to be fitted in the end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from forecasting.choosing.backtest import OriginResult, score_combination
from forecasting.choosing.choose import Choice
from forecasting.choosing.scores import CHOSEN
from forecasting.publishing.promotion import (
    CHALLENGER,
    CHAMPION,
    PromotionRule,
    decide,
    total_score,
)
from forecasting.structure.hierarchy import Hierarchy


@dataclass(frozen=True)
class CurrentVersion:
    """The champion: the last day that it saw, and its choice (winner, weights) where it is known."""

    cutoff: date
    choice: Mapping[str, Any] | None

    @property
    def weights(self) -> dict[str, float]:
        """Return the weights of its candidates; empty if they are not known."""
        return {str(k): float(v) for k, v in ((self.choice or {}).get("weights") or {}).items()}


@dataclass(frozen=True)
class Verdict:
    """Choice of what to fit. score, champion_score: errors on the same origins, None where one was not tested there."""

    choice: Choice
    score: float | None
    champion_score: float | None


def with_champion(
    hierarchy: Hierarchy,
    scores: pd.DataFrame,
    results: Sequence[OriginResult],
    choice: Choice,
    champion: CurrentVersion | None,
) -> pd.DataFrame:
    """Add rows of candidates "champion" and "challenger" to the scores, if all of the champion's were tested.

    Both are scored with the weights that they would publish. The champion's may have been learnt on these very origins,
    so the challenger's are judged likewise, and not by what weights learnt earlier would have done (its rows "chosen").
    """
    weights = {} if champion is None else champion.weights
    tested = results and all(set(weights) <= set(result.forecasts) for result in results)
    if not weights or not tested:
        return scores
    parts = [
        score_combination(hierarchy, result, name, of)
        for name, of in ((CHAMPION, weights), (CHALLENGER, choice.weights))
        for result in results
    ]
    return pd.concat([scores, *parts], ignore_index=True)


def judge(
    choice: Choice,
    scores: pd.DataFrame,
    champion: CurrentVersion | None,
    *,
    cutoff: date,
    rule: PromotionRule,
) -> Verdict:
    """Decide what to fit to all days: the challenger's choice, or the champion's if it is to be refitted.

    A champion that is old and was not beaten keeps its choice and gets newer data: the better of the two is published.
    """
    champion_score = total_score(scores, CHAMPION)
    challenger = total_score(scores, CHOSEN if champion is None else CHALLENGER)
    decision = decide(
        champion_score,
        challenger,
        has_champion=champion is not None,
        age_days=0 if champion is None else (cutoff - champion.cutoff).days,
        rule=rule,
    )
    if decision.action != "refit" or champion is None:
        return Verdict(choice, challenger, champion_score)
    name = str((champion.choice or {}).get("winner", CHAMPION))
    kept = replace(
        choice,
        name=name,
        weights=champion.weights,
        score=champion_score,
        runner_up=choice.name,
        margin=None,
    )
    return Verdict(kept, champion_score, champion_score)
