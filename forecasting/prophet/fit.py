"""Fit Prophet models to many series at once; every series gets a defined result, and a code where it is an odd one.

n series, T dates, K shared columns, S changes of slope. Series observed on the same dates share one Gram matrix; the
others have their own. Chunks of series are fitted in threads: numpy leaves the interpreter's lock for the arithmetic.
"""

# ruff: noqa: S101 - kernels assert shapes: a wrong one is our own mistake, never the caller's input

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, partial

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from threadpoolctl import ThreadpoolController

from forecasting.prophet.columns import Columns, build_columns, day_numbers
from forecasting.prophet.design import Design, Work, day_weights, lay_out, scaled
from forecasting.prophet.fits import (
    FEW_DAYS,
    NOT_CONVERGED,
    ORDINARY,
    Fits,
    Survey,
    empty_fits,
    fill_odd,
    odd_codes,
    survey,
)
from forecasting.prophet.model import ProphetModel
from forecasting.prophet.multiplicative import joined, solve_multiplicative
from forecasting.prophet.solver import GAP_MAX, Solution, solve
from forecasting.prophet.trend import knot_count
from forecasting.row_blocks import in_threads, sent_elsewhere
from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Rows = NDArray[np.int64]
_Part = tuple[Rows, dict[str, Array]]
_Fit = Callable[[Work, Rows], dict[str, Array]]
_Block = tuple[_Fit, Rows]

# k and m have normal priors of sd 5, as in Prophet.
TREND_PRECISION = 1.0 / 25.0
# From so many series on, those with equal dates are worth an eigen-decomposition of their own.
SHARE_FROM = 8
CHUNK_SHARED, CHUNK_OWN = 256, 64
# Sums over days of a multiplicative model are made once a chunk, and are a tenth of its work.
CHUNK_MULTIPLICATIVE = 1_024


def fit_series(
    model: ProphetModel,
    ds: pd.DatetimeIndex,
    Y: Array,
    *,
    shared: pd.DataFrame | None = None,
    own: Mapping[str, Array] | None = None,
    columns: Columns | None = None,
    start_from: Fits | None = None,
    threads: int | None = None,
) -> Fits:
    """Fit `model` to each row of Y (n, T); NaN is an unknown day (not started, closed, empty shelf).

    ds: (T,) ascending dates. shared: regressor and condition columns by date. own: regressor name -> (n, T) values, a
    series each. columns: all columns over `ds`, built before (None: those that the model names). start_from: an
    earlier fit of the same series under the same model (a warm start). Raises Invalid (`dates`, `infinite`, `growth`,
    and those of `build_columns`).
    """
    _check(model, ds, Y)
    if columns is None:
        columns = build_columns(model, ds, shared=shared, own=own)
    days = day_numbers(ds)
    work = Work(model, columns, days, Y, dict(own or {}), day_weights(model, days), start_from)
    out = empty_fits(Y.shape[0], columns.size, knot_count(model))
    known = survey(Y)
    codes = odd_codes(known)
    fill_odd(out, Y, codes, days)
    if model.target == "log1p":
        # a constant is its offset in the units of the target
        out["floor"] = np.log1p(np.maximum(out["floor"], 0.0))
    blocks = _blocks(work, known, np.flatnonzero(codes == ORDINARY))
    # Small matrices, many threads: BLAS threads of their own would only wait for each other (measured: 1.5 to 4 times
    # slower). The limit is the process's, for as long as this takes.
    with _blas().limit(limits=1, user_api="blas"):
        for rows, part in _fitted(work, blocks, threads):
            for name, values in part.items():
                out[name][rows] = values
    terms = 2 + (out["beta"] != 0.0).sum(axis=1)
    few = known.count <= terms
    codes[(codes == ORDINARY) & few] = FEW_DAYS
    codes[(codes == ORDINARY) & (out["gap"] > 100 * GAP_MAX)] = NOT_CONVERGED
    return Fits(
        **out,
        code=codes,
        keys=columns.key,
        component=columns.component,
        multiplicative=columns.multiplicative,
    )


@cache
def _blas() -> ThreadpoolController:
    """Find the loaded BLAS libraries once: it takes longer than a small fit."""
    return ThreadpoolController()


def _check(model: ProphetModel, ds: pd.DatetimeIndex, Y: Array) -> None:
    assert Y.ndim == 2
    assert Y.shape[1] == len(ds)
    if model.growth == "logistic":
        raise Invalid(
            "growth",
            "Logistic growth is fitted by the prophet library: take `forecast_logistic`.",
        )
    if not ds.is_monotonic_increasing or ds.has_duplicates:
        raise Invalid(
            "dates", "The dates of a frame rise and do not repeat; sort it and drop repeats."
        )
    wrong = np.isinf(Y).any(axis=1)
    if wrong.any():
        raise Invalid("infinite", f"Row {int(np.argmax(wrong))} holds an infinite value.")


def _blocks(work: Work, known: Survey, rows: Rows) -> list[_Block]:
    """Cut the rows into blocks: series with equal dates in chunks, the others in chunks with a Gram matrix each."""
    groups = _by_dates(known, rows)
    blocks: list[_Block] = []
    single: list[int] = []
    size = CHUNK_MULTIPLICATIVE if work.columns.multiplicative.any() else CHUNK_SHARED
    for group in groups:
        if work.own or group.size < SHARE_FROM:
            single.extend(group.tolist())
            continue
        for chunk in np.array_split(group, -(-group.size // size)):
            blocks.append((_fit_shared, chunk))
    alone = np.array(single, dtype=np.int64)
    for chunk in np.array_split(alone, -(-alone.size // CHUNK_OWN)) if alone.size else ():
        blocks.append((_fit_own, chunk))
    return blocks


def _fitted(work: Work, blocks: Sequence[_Block], threads: int | None) -> Iterator[_Part]:
    """Fit the blocks, in threads of this process or wherever blocks are sent."""
    elsewhere = sent_elsewhere()
    made: Iterable[dict[str, Array]]
    if elsewhere is None or len(blocks) < 2:
        tasks = [partial(fit, work, rows) for fit, rows in blocks]
        made = in_threads(tasks, threads)
    else:
        made = elsewhere(_fit_alone, [(fit, work.take(rows)) for fit, rows in blocks])
    yield from zip((rows for _, rows in blocks), made, strict=True)


def _fit_alone(block: tuple[_Fit, Work]) -> dict[str, Array]:
    """Fit a block with nothing but its own data, wherever it is."""
    fit, work = block
    with _blas().limit(limits=1, user_api="blas"):
        return fit(work, np.arange(work.Y.shape[0]))


def _by_dates(known: Survey, rows: Rows) -> list[Rows]:
    """Group rows that are observed on exactly the same dates."""
    if rows.size == 0:
        return []
    bits = known.bits[rows]
    keys = np.ascontiguousarray(bits).view(np.dtype((np.void, bits.shape[1]))).ravel()
    _, group = np.unique(keys, return_inverse=True)
    order = np.argsort(group, kind="stable")
    cuts = np.flatnonzero(np.diff(group[order])) + 1
    return [rows[part] for part in np.split(order, cuts)]


def _precision(work: Work) -> Array:
    return np.concatenate([np.full(2, TREND_PRECISION), work.columns.scale**-2.0])


def _fit_shared(work: Work, rows: Rows) -> dict[str, Array]:
    design = lay_out(work, int(rows[0]))
    Z, scale, floor = scaled(work.model, work.Y[np.ix_(rows, design.at)], work.days[design.at])
    solution = _solve(work, design, Z, rows)
    return _parameters(work, [design] * rows.size, solution, scale, floor)


def _solve(work: Work, design: Design, Z: Array, rows: Rows) -> Solution:
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


def _warm(work: Work, rows: Rows) -> dict[str, Array]:
    if work.start_from is None:
        return {}
    before = work.start_from
    return {"variance": np.maximum(before.variance[rows], 1e-8), "delta": before.delta[rows]}


def _fit_own(work: Work, rows: Rows) -> dict[str, Array]:
    designs = [lay_out(work, int(row)) for row in rows]
    values = [
        scaled(work.model, work.Y[row : row + 1, design.at], work.days[design.at])
        for row, design in zip(rows, designs, strict=True)
    ]
    scale = np.concatenate([part[1] for part in values])
    floor = np.concatenate([part[2] for part in values])
    if work.columns.multiplicative.any():
        alone = [
            _solve(work, design, part[0], rows[i : i + 1])
            for i, (design, part) in enumerate(zip(designs, values, strict=True))
        ]
        solution = joined(alone)
    else:
        solution = _solve_own(work, designs, [part[0][0] for part in values], rows)
    return _parameters(work, designs, solution, scale, floor)


def _solve_own(work: Work, designs: Sequence[Design], Z: Sequence[Array], rows: Rows) -> Solution:
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
    work: Work, designs: Sequence[Design], solution: Solution, scale: Array, floor: Array
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
