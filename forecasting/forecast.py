"""From demand to a forecast: test on the past, choose, test the choice on the last period, forecast. No I/O."""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from forecasting.choosing.backtest import OriginResult, backtest, combine
from forecasting.choosing.candidates import (
    Candidate,
    CandidateForecast,
    ProphetCandidate,
    auto_names,
    fitted_hierarchy,
    make_candidates,
)
from forecasting.choosing.choose import Choice, choose, untested
from forecasting.choosing.contest import Holder, judge, with_champion
from forecasting.choosing.evaluate import evaluate
from forecasting.choosing.scores import SCORE_COLUMNS
from forecasting.intervals.paths import coherent_paths, leaf_paths, paths_affordable, templates
from forecasting.intervals.stretch import QUANTILES, HeldOut, quantiles_of, stretch
from forecasting.nodes.base_fit import BaseFit, BaseFits, fitted_leaves
from forecasting.nodes.demand import Demand
from forecasting.nodes.explain import Explanation, explain
from forecasting.nodes.origin import Origin, days_known_at, origin_at
from forecasting.nodes.prophet_fit import FittedGroup
from forecasting.spec import AUTO, ForecastSpec
from forecasting.structure.hierarchy import Hierarchy
from forecasting.structure.reconcile import refuse_method

Array = NDArray[np.float64]
Progress = Callable[[str], None]
# Called with a step's name and how to make it; gives what it makes, or what was kept of it.
Keep = Callable[[str, Callable[[], Any]], Any]

# A test without this much before it would test nothing.
TRAINING_DAYS_MIN = 28


@dataclass(frozen=True)
class Forecast:
    """A forecast and why it is this one.

    mean: (n, h), coherent. quantiles: (n, h, 7). history: (n, T). warnings: (n,) codes or None. choice: what was
    chosen. scores: of all candidates at the origins that chose, columns origin and SCORE_COLUMNS. errors: frame of
    `evaluate`, of the choice on the period that took no part in choosing. explanation: what the mean is made of.
    leaf_paths: (B, m, h) joint sample paths of the leaves; sums of them are paths of the nodes. models: the fitted
    models by response form, with nodes as rows. score, champion_score: errors of the choice and of the champion's on
    the same origins, None where one was not tested.
    """

    mean: Array
    quantiles: Array
    history: Array
    warnings: tuple[str | None, ...]
    choice: Choice
    scores: pd.DataFrame
    errors: pd.DataFrame
    explanation: Explanation
    leaf_paths: Array
    models: Mapping[str, tuple[FittedGroup, ...]]
    score: float | None
    champion_score: float | None


def silent(_step: str) -> None:
    """Tell nobody of a step."""


def make_anew(_step: str, make: Callable[[], Any]) -> Any:
    """Keep no step: make it."""
    return make()


def make_forecast(
    demand: Demand,
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    *,
    progress: Progress = silent,
    holder: Holder | None = None,
    kept: Keep = make_anew,
) -> Forecast:
    """Backtest the candidates, choose, score the choice on the last horizon_days, and forecast from all days.

    holder: the present champion, scored on the same origins. kept: gives a finished step of an earlier, killed run.
    With too little past for a backtest the spec's method is taken; without any past to test on there are no errors.
    Raises Invalid: a method or candidate that does not fit the levels, and those of `fitted_hierarchy`.
    """
    refuse_method(spec.method, hierarchy)
    fitted = fitted_positions(hierarchy, spec)
    fitted_hierarchy(hierarchy, fitted)
    fits = BaseFits(fitted)
    actual = hierarchy.sum_leaves(demand.units[hierarchy.leaf_rows])
    at = partial(
        origin_at,
        demand,
        hierarchy,
        horizon=spec.horizon_days,
        holidays_country=spec.holidays_country,
    )
    known = known_days(demand, spec)
    candidates = named_candidates(hierarchy, spec, fits)
    results = _test_all(at, known[:-1], actual, candidates, progress, kept)
    histories = [actual[:, :days] for days in known[:-1]]
    choice, scores = _choose(hierarchy, spec, results, histories)
    scores = with_champion(hierarchy, scores, results, histories, choice, holder)
    verdict = judge(choice, scores, holder, cutoff=demand.cutoff, rule=spec.rule)
    choice = verdict.choice
    chosen = make_candidates(list(choice.weights), fits, half_life_days=spec.split_half_life_days)
    held_out = [result.held_out(choice.weights) for result in results]
    errors = NO_ERRORS
    for days_known in known[-1:]:
        origin = at(days_known=days_known)
        progress(f"testing {choice.name} on the {spec.horizon_days} days after {origin.cutoff}")
        errors, came = kept(
            f"reported-{origin.cutoff}-{choice.name}",
            partial(_reported, origin, chosen, choice, held_out, actual),
        )
        held_out.append(came)
    last = at(days_known=demand.days.size)
    progress(f"fitting {hierarchy.n_nodes} nodes up to {last.cutoff} by {choice.name}")
    final = _chosen_forecast(last, chosen, choice)
    bases = _bases(last, chosen, choice)
    quantiles = place_quantiles(last, final, held_out)
    progress("drawing joint paths")
    return Forecast(
        mean=final.mean,
        quantiles=quantiles,
        history=last.history,
        warnings=final.warnings,
        choice=choice,
        scores=scores,
        errors=errors,
        explanation=explain(last, bases, final.mean),
        leaf_paths=draw_paths(last, bases, quantiles),
        models={response: base.groups for response, (_, base) in bases.items()},
        score=verdict.score,
        champion_score=verdict.champion_score,
    )


def _bases(
    origin: Origin, chosen: Sequence[Candidate], choice: Choice
) -> dict[str, tuple[float, BaseFit]]:
    """Take the base fits behind the choice with their weights, by response form; baselines have none."""
    found: dict[str, tuple[float, BaseFit]] = {}
    for candidate in chosen:
        if isinstance(candidate, ProphetCandidate):
            weight, _ = found.get(candidate.response, (0.0, None))
            base = candidate.fits.of(origin, candidate.response)
            found[candidate.response] = (weight + choice.weights[candidate.name], base)
    return found


def draw_paths(
    origin: Origin, bases: Mapping[str, tuple[float, BaseFit]], quantiles: Array, *, seed: int = 0
) -> Array:
    """Draw joint sample paths of the leaves, (B, m, h), coherent with the quantiles (n, h, 7) of all nodes."""
    m = origin.hierarchy.n_leaves
    fitted = sum(
        (weight * fitted_leaves(origin, base) for weight, base in bases.values()), np.zeros(())
    )
    missed = np.zeros((0, m, origin.horizon))
    if bases:
        missed = templates(origin.Y[-m:], fitted, origin.horizon)
    rng = np.random.default_rng(seed)
    drawn = leaf_paths(quantiles[-m:], QUANTILES, missed, paths_affordable(m), rng=rng)
    return coherent_paths(origin.hierarchy, drawn, quantiles, QUANTILES)


NO_ERRORS = pd.DataFrame(columns=["level", "level_name", "model", "metric", "value"])
NO_SCORES = pd.DataFrame(columns=["origin", *SCORE_COLUMNS])


def known_days(demand: Demand, spec: ForecastSpec) -> list[int]:
    """List how many days each origin knows, oldest first: those that choose, then the one that is reported."""
    return days_known_at(
        demand.days.size, spec.horizon_days, spec.backtest_origins + 1, least=TRAINING_DAYS_MIN
    )


def fitted_positions(hierarchy: Hierarchy, spec: ForecastSpec) -> tuple[int, ...] | None:
    """Find the positions of the spec's fit_levels; None for all."""
    if spec.fit_levels is None:
        return None
    wanted = {frozenset(level) for level in spec.fit_levels}
    return tuple(p for p, keys in enumerate(hierarchy.levels) if frozenset(keys) in wanted)


def named_candidates(hierarchy: Hierarchy, spec: ForecastSpec, fits: BaseFits) -> list[Candidate]:
    """Make the candidates that the spec names, or those of "auto"."""
    names = (
        auto_names(hierarchy, split=spec.split)
        if spec.candidates == AUTO
        else list(spec.candidates)
    )
    return make_candidates(names, fits, half_life_days=spec.split_half_life_days)


def _test_all(
    at: Callable[..., Origin],
    known: Sequence[int],
    actual: Array,
    candidates: Sequence[Candidate],
    progress: Progress,
    kept: Keep,
) -> list[OriginResult]:
    """Backtest origins one at a time, oldest first: what each knows, and its fits, go before the next one comes."""
    results = []
    for number, days_known in enumerate(known, 1):
        origin = at(days_known=days_known)
        progress(
            f"testing {len(candidates)} candidates after {origin.cutoff} ({number} of {len(known)})"
        )
        results.append(
            kept(f"origin-{origin.cutoff}", partial(backtest, origin, actual, candidates))
        )
    return results


def _choose(
    hierarchy: Hierarchy,
    spec: ForecastSpec,
    results: Sequence[OriginResult],
    histories: Sequence[Array],
) -> tuple[Choice, pd.DataFrame]:
    if results:
        return choose(hierarchy, results, histories)
    if spec.candidates != AUTO and spec.default_candidate not in spec.candidates:
        return untested(spec.candidates[0]), NO_SCORES
    return untested(spec.default_candidate), NO_SCORES


def _reported(
    origin: Origin,
    chosen: Sequence[Candidate],
    choice: Choice,
    held_out: Sequence[HeldOut],
    actual: Array,
) -> tuple[pd.DataFrame, HeldOut]:
    """Score the choice on the period after the last origin, with intervals learnt before it."""
    T = origin.days.size
    came = actual[:, T : T + origin.horizon]
    forecast = _chosen_forecast(origin, chosen, choice)
    errors = evaluate(
        origin.hierarchy,
        actual=came,
        mean=forecast.mean,
        quantiles=place_quantiles(origin, forecast, held_out),
        history=origin.history,
    )
    return errors, HeldOut(actual=came, mean=forecast.mean, shape=forecast.shape)


def _chosen_forecast(
    origin: Origin, chosen: Sequence[Candidate], choice: Choice
) -> CandidateForecast:
    forecasts: Mapping[str, CandidateForecast] = {
        candidate.name: candidate.forecast(origin) for candidate in chosen
    }
    combined = combine(forecasts, choice.weights)
    assert combined.coherent
    return combined


def place_quantiles(
    origin: Origin, forecast: CandidateForecast, held_out: Sequence[HeldOut]
) -> Array:
    """Place the quantiles (n, h, 7) around a forecast, as wide as held-out errors ask for; 0 on closed days."""
    factors = stretch(held_out, origin.hierarchy.nodes["level"].to_numpy())
    placed = quantiles_of(forecast.mean, forecast.shape, factors)
    opened: Array = placed * origin.is_open[:, origin.days.size :, None]
    return opened
