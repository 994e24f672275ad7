"""The rule by which a finished run replaces the published one: it must win, or the champion must have grown old."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pandas as pd

from forecasting.choosing.scores import ALL_CLASSES

Action = Literal["promote", "refit", "keep"]
# Scores that agree to this much are the same fit with other rounding.
SAME_RELATIVE = 1e-9
# What a backtest is summed up by, the first of these that it has; a held-out test has the last.
SCORE_METRICS = ("wrmsse", "rmsse")
CHAMPION, CHALLENGER = "champion", "challenger"


@dataclass(frozen=True)
class PromotionRule:
    """margin: share of the champion's error by which a challenger must be lower (0: not higher).

    champion_days_max: days of data that the champion may lack before it is replaced without a win.
    """

    margin: float = 0.0
    champion_days_max: int = 7


@dataclass(frozen=True)
class Decision:
    """Decision on a challenger, and the reason in words.

    refit: publish, but the champion's own choice fitted to the newer data. promote: publish. keep: the champion stays.
    """

    action: Action
    reason: str

    @property
    def publishes(self) -> bool:
        """Return True if the challenger is to be published."""
        return self.action != "keep"


def decide(
    champion_score: float | None,
    challenger_score: float | None,
    *,
    has_champion: bool,
    age_days: int,
    rule: PromotionRule,
) -> Decision:
    """Decide on a challenger.

    Scores: errors on the same origins, lower is better, >= 0; None where it could not be tested there. age_days: days
    of data that the challenger saw and the champion did not.
    """
    if not has_champion:
        return Decision("promote", "It is the first forecast.")
    old = age_days > rule.champion_days_max
    age = f"the current version has not seen the last {age_days} days ({rule.champion_days_max} are allowed)"
    if challenger_score is None:
        if champion_score is not None and not old:
            return Decision("keep", "It could not be tested, and the current version was.")
        why = age if old else "neither could the current version"
        return Decision("promote", f"It could not be tested on days held out; {why}.")
    if champion_score is None:
        return Decision(
            "promote",
            f"Its error is {challenger_score:.4g}; the current version could not be tested on the same days.",
        )
    compared = _compared(champion_score, challenger_score)
    if challenger_score <= champion_score * (1 - rule.margin) * (1 + SAME_RELATIVE):
        return Decision("promote", f"{compared}.")
    wanted = (
        f"at least {rule.margin:.1%} lower is required"
        if rule.margin
        else "a higher error is not allowed"
    )
    if old:
        return Decision("refit", f"{compared}, and {wanted}; but {age}.")
    return Decision("keep", f"{compared}, and {wanted}.")


def _compared(champion: float, challenger: float) -> str:
    if champion == challenger:
        return f"Ties with the current version on the same days, error {challenger:.4g}"
    change = f", {challenger / champion - 1:+.1%}" if champion > 0 else ""
    return (
        f"Error {challenger:.4g} vs {champion:.4g} of the current version on the same days{change}"
    )


def total_score(scores: pd.DataFrame | None, candidate: str) -> float | None:
    """Average a candidate's WRMSSE (or RMSSE) over levels, then over origins; None if it was not scored.

    scores: columns origin, level, demand_class, candidate, metric, value. Only rows of all classes together count.
    """
    if scores is None or scores.empty:
        return None
    known = set(scores["metric"])
    metric = next((name for name in SCORE_METRICS if name in known), None)
    mine = scores[(scores["candidate"] == candidate) & (scores["metric"] == metric)]
    mine = mine[mine["demand_class"] == ALL_CLASSES].dropna(subset=["value"])
    if mine.empty:
        return None
    by_origin = mine.groupby(["origin", "level"])["value"].mean().groupby("origin").mean()
    return float(by_origin.mean())


def champion_score(scores: pd.DataFrame | None, choice: Mapping[str, Any] | None) -> float | None:
    """Score what the champion chose in a newer backtest: its own row there, else the candidate that it named winner."""
    own = total_score(scores, CHAMPION)
    if own is not None or choice is None:
        return own
    winner = choice.get("winner")
    return total_score(scores, str(winner)) if winner is not None else None


def error_score(errors: pd.DataFrame) -> float | None:
    """Average the published model's RMSSE over levels, from the frame of `evaluate`; None without a test."""
    if errors.empty:
        return None
    ours = errors[(errors["metric"] == SCORE_METRICS[-1]) & (errors["model"] != "seasonal_naive")]
    known = ours["value"].dropna()
    return None if known.empty else float(known.mean())
