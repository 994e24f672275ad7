"""Fit Prophet models to many series at once; every series gets a defined result, and a code where it is an odd one.

n series, T dates, K shared columns, S changes of slope. Series observed on the same dates share one Gram matrix; the
others have their own. Chunks of series are fitted in threads: numpy leaves the interpreter's lock for the arithmetic.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, fields, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from forecasting.prophet.columns import Columns, build_columns, day_numbers
from forecasting.prophet.model import BUILT_IN, ProphetModel
from forecasting.prophet.multiplicative import joined, solve_multiplicative
from forecasting.prophet.solver import GAP_MAX, Solution, solve
from forecasting.prophet.trend import TimeAxis, knot_count, time_axis, trend_basis
from stocktide.errors import Invalid

Array = NDArray[np.float64]
Codes = NDArray[np.str_]
Rows = NDArray[np.int64]

# Why a series is odd; the code stands beside its result.
ORDINARY = ""
NO_HISTORY, ALL_ZERO, TOO_SHORT, CONSTANT = "no_history", "all_zero", "too_short", "constant"
FEW_DAYS, NOT_CONVERGED = "few_days", "not_converged"
# k and m have normal priors of sd 5, as in Prophet.
TREND_PRECISION = 1.0 / 25.0
# From so many series on, those with equal dates are worth an eigen-decomposition of their own.
SHARE_FROM = 8
# Fields of Fits that are not numbers of a series.
SHARED_LABELS = ("keys", "component", "multiplicative")
LABELS = ("code", *SHARED_LABELS)
CHUNK_SHARED, CHUNK_OWN = 256, 64
# Sums over days of a multiplicative model are made once a chunk, and are a tenth of its work.
CHUNK_MULTIPLICATIVE = 1_024
LAST_YEAR_DAYS = 365.0


@dataclass(frozen=True)
class Fits:
    """Fitted parameters of n series, in scaled units: y = floor + scale * f(t).

    m, k: (n,) offset and slope. delta, knots: (n, S). beta: (n, K). variance: (n,) of the noise. scale, floor: (n,).
    start, span: (n,) days since 1970, days. mean, sd: (n, K) of given regressors. code: (n,) "" or why it is odd.
    gap: (n,) nats. rounds: (n,). objective: (n,) negative log posterior. changes: (n,) changes of slope that the series
    has. keys: (K,) the columns that beta belongs to, component: (K,) the part each is of, multiplicative: (K,).
    """

    m: Array
    k: Array
    delta: Array
    knots: Array
    beta: Array
    variance: Array
    scale: Array
    floor: Array
    start: Array
    span: Array
    mean: Array
    sd: Array
    gap: Array
    rounds: Array
    objective: Array
    changes: Array
    code: Codes
    keys: tuple[str, ...]
    component: tuple[str, ...]
    multiplicative: NDArray[np.bool_]

    @property
    def size(self) -> int:
        """Number of series, n."""
        return int(self.m.size)

    def take(self, rows: NDArray[np.intp]) -> "Fits":
        """Take some of the series, in the order of `rows`."""
        taken = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in SHARED_LABELS
        }
        return replace(self, **taken)


def fit_series(
    model: ProphetModel,
    ds: pd.DatetimeIndex,
    Y: Array,
    *,
    shared: pd.DataFrame | None = None,
    own: Mapping[str, Array] | None = None,
    start_from: Fits | None = None,
    threads: int | None = None,
) -> Fits:
    """Fit `model` to each row of Y (n, T); NaN is a day that says nothing (not started, closed, empty shelf).

    ds: (T,) ascending dates. shared: regressor and condition columns by date. own: regressor name -> (n, T) values, a
    series each. start_from: an earlier fit of the same series under the same model (a warm start). Raises Invalid
    (`dates`, `infinite`, `growth`, and those of `build_columns`).
    """
    _check(model, ds, Y)
    columns = build_columns(model, ds, shared=shared, own=own)
    days = day_numbers(ds)
    work = _Work(model, columns, days, Y, dict(own or {}), _weights(model, days), start_from)
    out = _empty(Y.shape[0], columns.size, knot_count(model))
    codes = _odd_codes(Y)
    _fill_odd(out, Y, codes, days)
    tasks = _tasks(work, np.flatnonzero(codes == ORDINARY))
    workers = threads or os.cpu_count() or 1
    # Small matrices, many threads: BLAS threads of their own would only wait for each other (measured: 1.5 to 4 times
    # slower). The limit is the process's, for as long as this takes.
    with threadpool_limits(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        for rows, part in pool.map(lambda task: task(), tasks):
            for name, values in part.items():
                out[name][rows] = values
    few = np.isfinite(Y).sum(axis=1) < 2 + columns.size
    codes[(codes == ORDINARY) & few] = FEW_DAYS
    codes[(codes == ORDINARY) & (out["gap"] > 100 * GAP_MAX)] = NOT_CONVERGED
    return Fits(
        **out,
        code=codes,
        keys=columns.key,
        component=columns.component,
        multiplicative=columns.multiplicative,
    )


@dataclass(frozen=True)
class _Work:
    model: ProphetModel
    columns: Columns
    days: Array
    Y: Array
    own: dict[str, Array]
    weights: Array
    start_from: Fits | None


@dataclass(frozen=True)
class _Design:
    """at: (N,) positions of the observed dates. D: (N, 2 + K + S). w: (N,). mean, sd: (K,)."""

    axis: TimeAxis
    at: Rows
    D: Array
    w: Array
    mean: Array
    sd: Array


def _check(model: ProphetModel, ds: pd.DatetimeIndex, Y: Array) -> None:
    assert Y.ndim == 2
    assert Y.shape[1] == len(ds)
    if model.growth == "logistic":
        raise Invalid(
            "growth",
            "Logistic growth is fitted by the prophet library: see forecasting.prophet.logistic.",
        )
    if not ds.is_monotonic_increasing or ds.has_duplicates:
        raise Invalid(
            "dates", "The dates of a frame rise and do not repeat; sort it and drop repeats."
        )
    wrong = np.isinf(Y).any(axis=1)
    if wrong.any():
        raise Invalid("infinite", f"Row {int(np.argmax(wrong))} holds an infinite value.")


def _weights(model: ProphetModel, days: Array) -> Array:
    if model.recency_half_life_days is None:
        return np.ones(days.size)
    return np.asarray(2.0 ** (-(days[-1] - days) / model.recency_half_life_days))


def _empty(n: int, K: int, S: int) -> dict[str, Array]:
    wide = {"delta": S, "knots": S, "beta": K, "mean": K, "sd": K}
    names = [field.name for field in fields(Fits) if field.name not in LABELS]
    out = {name: np.zeros((n, wide[name]) if name in wide else n) for name in names}
    for name in ("scale", "span"):
        out[name][:] = 1.0
    out["sd"][:] = 1.0
    out["knots"][:] = 1.0
    return out


def _odd_codes(Y: Array) -> Codes:
    seen = np.isfinite(Y)
    count = seen.sum(axis=1)
    high = np.where(seen, Y, -np.inf).max(axis=1, initial=-np.inf)
    low = np.where(seen, Y, np.inf).min(axis=1, initial=np.inf)
    codes = np.full(Y.shape[0], ORDINARY, dtype="U16")
    codes[high == low] = CONSTANT
    codes[count == 1] = TOO_SHORT
    codes[(high == 0) & (low == 0)] = ALL_ZERO
    codes[count == 0] = NO_HISTORY
    return codes


def _fill_odd(out: dict[str, Array], Y: Array, codes: Codes, days: Array) -> None:
    """Give a constant its value as offset; what has no value stays 0."""
    for row in np.flatnonzero((codes == CONSTANT) | (codes == TOO_SHORT)):
        out["floor"][row] = Y[row][np.isfinite(Y[row])][0]
    for row in np.flatnonzero((codes != ORDINARY) & (codes != NO_HISTORY)):
        out["start"][row] = days[np.argmax(np.isfinite(Y[row]))]
    out["start"][codes == NO_HISTORY] = days[0]


_Part = tuple[Rows, dict[str, Array]]


def _tasks(work: _Work, rows: Rows) -> list[Callable[[], _Part]]:
    """Cut the rows into tasks: series with equal dates in chunks, the others in chunks with a Gram matrix each."""
    groups = _by_dates(work.Y, rows)
    tasks: list[Callable[[], _Part]] = []
    single: list[int] = []
    size = CHUNK_MULTIPLICATIVE if work.columns.multiplicative.any() else CHUNK_SHARED
    for group in groups:
        if work.own or group.size < SHARE_FROM:
            single.extend(group.tolist())
            continue
        for chunk in np.array_split(group, -(-group.size // size)):
            tasks.append(_bind(_fit_shared, work, chunk))
    alone = np.array(single, dtype=np.int64)
    for chunk in np.array_split(alone, -(-alone.size // CHUNK_OWN)) if alone.size else ():
        tasks.append(_bind(_fit_own, work, chunk))
    return tasks


def _bind(
    fit: Callable[[_Work, Rows], dict[str, Array]], work: _Work, rows: Rows
) -> Callable[[], _Part]:
    return lambda: (rows, fit(work, rows))


def _by_dates(Y: Array, rows: Rows) -> list[Rows]:
    """Group rows that are observed on exactly the same dates."""
    if rows.size == 0:
        return []
    bits = np.packbits(np.isfinite(Y[rows]), axis=1)
    keys = np.ascontiguousarray(bits).view(np.dtype((np.void, bits.shape[1]))).ravel()
    _, group = np.unique(keys, return_inverse=True)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return [rows[part] for part in np.split(order, cuts)]


def _design(work: _Work, row: int) -> _Design:
    """Lay the columns of the series `row` over its own dates."""
    model, columns = work.model, work.columns
    at = np.flatnonzero(np.isfinite(work.Y[row]))
    days = work.days[at]
    axis = time_axis(model, days)
    X = work.columns.values[at]
    for name in columns.own:
        X[:, columns.component.index(name)] = work.own[name][row, at]
    used = _in_use(model, columns, days)
    mean, sd = _standards(model, columns, X)
    X = np.where(used, (X - mean) / sd, 0.0)
    basis = trend_basis(axis.scaled(days), axis.knots, growing=model.growth == "linear")
    return _Design(axis, at, np.hstack([basis[:, :2], X, basis[:, 2:]]), work.weights[at], mean, sd)


def _in_use(model: ProphetModel, columns: Columns, days: Array) -> NDArray[np.bool_]:
    """Tell which columns a history is long and dense enough for, where the model says "auto"."""
    span, step = days[-1] - days[0], np.diff(days).min()
    spacing = {"yearly": np.inf, "weekly": 7.0, "daily": 1.0}
    off = {
        name
        for name, _, _, needed in BUILT_IN
        if getattr(model, f"{name}_seasonality") == "auto"
        and (span < needed or step >= spacing[name])
    }
    return np.array([name not in off for name in columns.component], dtype=np.bool_)


def _standards(model: ProphetModel, columns: Columns, X: Array) -> tuple[Array, Array]:
    """Take mean and standard deviation of the given regressors as Prophet does; 0 and 1 for all others."""
    mean, sd = np.zeros(columns.size), np.ones(columns.size)
    how = {part.name: part.standardize for part in model.regressors}
    for column in np.flatnonzero(columns.given):
        values = np.unique(X[:, column])
        wanted = how[columns.component[column]]
        if wanted == "auto":
            wanted = not np.array_equal(values, (0.0, 1.0))
        if wanted and values.size >= 2:
            mean[column], sd[column] = X[:, column].mean(), X[:, column].std(ddof=1)
    return mean, sd


def _scaled(model: ProphetModel, Y: Array, days: Array) -> tuple[Array, Array, Array]:
    """Scale (B, N) values to the model's units; returns them with scale (B,) and floor (B,)."""
    Z = np.log1p(np.maximum(Y, 0.0)) if model.target == "log1p" else Y
    floor = Z.min(axis=1) if model.scaling == "minmax" else np.zeros(Z.shape[0])
    if model.scaling == "absmax":
        scale = np.abs(Z).max(axis=1)
    elif model.scaling == "minmax":
        scale = Z.max(axis=1) - floor
    elif model.scaling == "mean":
        recent = Z[:, days > days[-1] - LAST_YEAR_DAYS]
        scale = np.abs(recent.mean(axis=1))
        scale = np.where(scale > 0.0, scale, np.abs(Z).max(axis=1))
    else:
        scale = np.ones(Z.shape[0])
    scale = np.where(scale > 0.0, scale, 1.0)
    return (Z - floor[:, None]) / scale[:, None], scale, floor


def _precision(work: _Work) -> Array:
    return np.concatenate([np.full(2, TREND_PRECISION), work.columns.scale**-2.0])


def _fit_shared(work: _Work, rows: Rows) -> dict[str, Array]:
    design = _design(work, int(rows[0]))
    Z, scale, floor = _scaled(work.model, work.Y[np.ix_(rows, design.at)], work.days[design.at])
    solution = _solve(work, design, Z, rows)
    return _parameters(work, [design] * rows.size, solution, scale, floor)


def _solve(work: _Work, design: _Design, Z: Array, rows: Rows) -> Solution:
    tau, precision = work.model.changepoint_prior_scale, _precision(work)
    if work.columns.multiplicative.any():
        return solve_multiplicative(
            design.D,
            Z,
            design.w,
            multiplicative=work.columns.multiplicative,
            precision=precision,
            tau=tau,
        )
    Dw = design.D * design.w[:, None]
    weight = np.full(rows.size, design.w.sum())
    return solve(
        design.D.T @ Dw,
        Z @ Dw,
        (Z * Z) @ design.w,
        weight,
        precision=precision,
        tau=tau,
        **_warm(work, rows),
    )


def _warm(work: _Work, rows: Rows) -> dict[str, Array]:
    if work.start_from is None:
        return {}
    before = work.start_from
    return {"variance": np.maximum(before.variance[rows], 1e-8), "delta": before.delta[rows]}


def _fit_own(work: _Work, rows: Rows) -> dict[str, Array]:
    designs = [_design(work, int(row)) for row in rows]
    scaled = [
        _scaled(work.model, work.Y[row : row + 1, design.at], work.days[design.at])
        for row, design in zip(rows, designs, strict=True)
    ]
    scale = np.concatenate([part[1] for part in scaled])
    floor = np.concatenate([part[2] for part in scaled])
    if work.columns.multiplicative.any():
        alone = [
            _solve(work, design, part[0], rows[i : i + 1])
            for i, (design, part) in enumerate(zip(designs, scaled, strict=True))
        ]
        solution = joined(alone)
    else:
        solution = _solve_own(work, designs, [part[0][0] for part in scaled], rows)
    return _parameters(work, designs, solution, scale, floor)


def _solve_own(work: _Work, designs: Sequence[_Design], Z: Sequence[Array], rows: Rows) -> Solution:
    P = designs[0].D.shape[1]
    gram, moment = np.empty((rows.size, P, P)), np.empty((rows.size, P))
    square, weight = np.empty(rows.size), np.empty(rows.size)
    for i, (design, z) in enumerate(zip(designs, Z, strict=True)):
        Dw = design.D * design.w[:, None] if work.model.recency_half_life_days else design.D
        gram[i], moment[i] = design.D.T @ Dw, z @ Dw
        square[i], weight[i] = (z * z) @ design.w, design.w.sum()
    return solve(
        gram,
        moment,
        square,
        weight,
        precision=_precision(work),
        tau=work.model.changepoint_prior_scale,
        **_warm(work, rows),
    )


def _parameters(
    work: _Work, designs: Sequence[_Design], solution: Solution, scale: Array, floor: Array
) -> dict[str, Array]:
    K = work.columns.size
    return {
        "m": solution.theta[:, 0],
        "k": solution.theta[:, 1],
        "beta": solution.theta[:, 2 : 2 + K],
        "delta": solution.delta,
        "knots": np.stack([design.axis.knots for design in designs]),
        "variance": solution.variance,
        "scale": scale,
        "floor": floor,
        "start": np.array([design.axis.start for design in designs]),
        "span": np.array([design.axis.span for design in designs]),
        "mean": np.stack([design.mean for design in designs]),
        "sd": np.stack([design.sd for design in designs]),
        "gap": solution.gap,
        "rounds": solution.rounds.astype(np.float64),
        "objective": solution.objective,
        "changes": np.array([float(design.axis.real) for design in designs]),
    }
