"""Series on which our own code fails: found by halving, forecast as their recent mean, and named; others as ever."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from forecasting.forecast_result import Forecast
from forecasting.nodes.demand import Demand
from forecasting.nodes.known_ahead import KnownAhead
from forecasting.structure.hierarchy import Hierarchy
from stocktide.foundation.database_errors import first_line, is_of_content
from stocktide.foundation.halves import by_halves
from stocktide.foundation.telemetry import log

Array = NDArray[np.float64]
Rows = Sequence[int]
Make = Callable[[Demand], Forecast]

# The code of a series that is forecast so.
FAILED = "failed"
RECENT_PERIODS = 28
# Each try is a forecast; where more would be needed, or most series fail, the fault is not of some series.
TRIES_MAX = 60
NAMED_MAX = 3


class NotFinite(ArithmeticError):
    """A forecast has a value that is no number."""


def forecast_contained(
    demand: Demand, hierarchy: Hierarchy, make: Make, again: Make
) -> tuple[Forecast, tuple[str, ...]]:
    """Forecast; where our own code fails on some series, forecast these as their recent mean.

    make: makes the forecast. again: makes it without taking up steps of an earlier try. Returns the forecast, and a
    warning that names what failed. Where it is the plans, they are left out. An error that is the fault of no series,
    or of most of them, is raised.
    """
    try:
        return _checked(make(demand)), ()
    except Exception as error:
        if not is_of_content(error):
            raise
        log("forecast_failed_on_series", error=repr(error)[:500])
        return _around(demand, hierarchy, again, error)


def _around(
    demand: Demand, hierarchy: Hierarchy, make: Make, error: Exception
) -> tuple[Forecast, tuple[str, ...]]:
    rows = range(len(demand.leaves))
    try:
        _checked(make(flattened(demand, rows)))
    except Exception as flat:
        if not is_of_content(flat):
            raise
        return _without_plans(demand, make, error)
    failed = _failing(demand, make)
    if len(failed) > max(1, len(rows) // 2):
        raise error
    made = _checked(make(flattened(demand, list(failed))))
    return _told(made, demand, hierarchy, list(failed)), (_warning(demand, failed),)


def _without_plans(
    demand: Demand, make: Make, error: Exception
) -> tuple[Forecast, tuple[str, ...]]:
    ahead = demand.ahead
    unplanned = KnownAhead(countries=ahead.countries, leaf_keys=ahead.leaf_keys)
    try:
        made = _checked(make(replace(demand, ahead=unplanned)))
    except Exception as other:
        raise error from other
    return made, (
        f"The forecast fails on the plans ({_said(error)}): it is made without events, prices, promotions and "
        "closures. Withdraw what was planned last, then run `stocktide forecast`.",
    )


def _failing(demand: Demand, make: Make) -> dict[int, Exception]:
    """Find the series on which a forecast fails, each with its error; the others take no part in a try."""
    every, failed, tries = set(range(len(demand.leaves))), dict[int, Exception](), 0

    def do(part: Rows) -> list[None]:
        nonlocal tries
        tries += 1
        if tries <= TRIES_MAX:
            _checked(make(flattened(demand, sorted(every - set(part)))))
            return []
        raise NotFinite("not tried: too many series fail")

    def alone(row: int, error: Exception) -> list[None]:
        failed[row] = error
        return []

    by_halves(sorted(every), do, alone, is_of_one=is_of_content)
    return failed


def flattened(demand: Demand, rows: Rows) -> Demand:
    """Return the demand with some series replaced by the mean of their last known periods, in every period."""
    units, empty, started = demand.units.copy(), demand.empty.copy(), demand.started.copy()
    known = np.where(np.isfinite(units), units, 0.0)
    of = list(rows)
    units[of] = known[of, -RECENT_PERIODS:].mean(axis=1, keepdims=True)
    empty[of], started[of] = False, 0
    return replace(demand, units=units, empty=empty, started=started)


def _checked(made: Forecast) -> Forecast:
    if not np.isfinite(made.mean).all() or not np.isfinite(made.quantiles).all():
        raise NotFinite("a forecast has a value that is not finite")
    return made


def _told(made: Forecast, demand: Demand, hierarchy: Hierarchy, failed: Rows) -> Forecast:
    """Return the forecast with the true history of what failed, and its code."""
    true = np.where(np.isfinite(demand.units), demand.units, 0.0)
    missed = (true - flattened(demand, failed).units)[hierarchy.leaf_rows]
    missed[~np.isin(hierarchy.leaf_rows, failed)] = 0.0
    first = hierarchy.n_nodes - hierarchy.n_leaves
    nodes = set((first + np.flatnonzero(np.isin(hierarchy.leaf_rows, failed))).tolist())
    codes = [FAILED if node in nodes else code for node, code in enumerate(made.warnings)]
    expected = made.past.expected.copy()
    expected[np.isin(hierarchy.leaf_rows, failed)] = np.nan
    return replace(
        made,
        history=made.history + hierarchy.sum_leaves(missed),
        warnings=tuple(codes),
        past=replace(made.past, expected=expected),
    )


def _warning(demand: Demand, failed: dict[int, Exception]) -> str:
    named = [
        ", ".join(f"{key} {value}" for key, value in demand.leaves.iloc[row].items())
        for row in list(failed)[:NAMED_MAX]
    ]
    more = "" if len(failed) <= NAMED_MAX else f" and {len(failed) - NAMED_MAX} more"
    why = _said(next(iter(failed.values())))
    return (
        f"{len(failed)} of {len(demand.leaves)} series make the forecast fail and are forecast as the mean of their "
        f"last {RECENT_PERIODS} periods: {'; '.join(named)}{more} ({why}). Report it: the fault is ours."
    )


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {first_line(error)[:200]}"
