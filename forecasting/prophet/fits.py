"""What a fit of many series gives: arrays of parameters, and a code for every series that is an odd one."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.str_]

# Why a series is odd; the code stands beside its result.
ORDINARY = ""
NO_HISTORY, ALL_ZERO, TOO_SHORT, CONSTANT = "no_history", "all_zero", "too_short", "constant"
FEW_DAYS, NOT_CONVERGED = "few_days", "not_converged"
# Fields of Fits that are not numbers of a series.
SHARED_LABELS = ("keys", "component", "multiplicative")
LABELS = ("code", *SHARED_LABELS)


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


def empty_fits(n: int, K: int, S: int) -> dict[str, Array]:
    """Make the arrays of n series with K columns and S changes of slope, as of series that were not fitted."""
    wide = {"delta": S, "knots": S, "beta": K, "mean": K, "sd": K}
    names = [field.name for field in fields(Fits) if field.name not in LABELS]
    out = {name: np.zeros((n, wide[name]) if name in wide else n) for name in names}
    for name in ("scale", "span"):
        out[name][:] = 1.0
    out["sd"][:] = 1.0
    out["knots"][:] = 1.0
    return out


def odd_codes(Y: Array) -> Codes:
    """Tell which rows of Y (n, T) no model can be fitted to, and why; "" for the others."""
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


def fill_odd(out: dict[str, Array], Y: Array, codes: Codes, days: Array) -> None:
    """Give a constant its value as offset; what has no value stays 0."""
    for row in np.flatnonzero((codes == CONSTANT) | (codes == TOO_SHORT)):
        out["floor"][row] = Y[row][np.isfinite(Y[row])][0]
    for row in np.flatnonzero((codes != ORDINARY) & (codes != NO_HISTORY)):
        out["start"][row] = days[np.argmax(np.isfinite(Y[row]))]
    out["start"][codes == NO_HISTORY] = days[0]
