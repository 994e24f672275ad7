"""Result of a fit of many series: arrays of parameters, and a code for every series that is an odd one."""

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.str_]

# Why a series is odd; the code is returned beside its result.
ORDINARY = ""
NO_HISTORY, ALL_ZERO, TOO_SHORT, CONSTANT = "no_history", "all_zero", "too_short", "constant"
FEW_DAYS, NOT_CONVERGED = "few_days", "not_converged"
# Fields of Fits that are not numbers of a series.
SHARED_LABELS = ("keys", "component", "multiplicative")
LABELS = ("code", *SHARED_LABELS)
ROWS_AT_ONCE = 1_024


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
        """Return the number of series, n."""
        return int(self.m.size)

    def take(self, rows: NDArray[np.intp]) -> "Fits":
        """Return some of the series, in the order of `rows`."""
        taken = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self)
            if field.name not in SHARED_LABELS
        }
        return replace(self, **taken)


def empty_fits(n: int, K: int, S: int) -> dict[str, Array]:
    """Build the arrays of n series with K columns and S changes of slope, as of series that were not fitted."""
    wide = {"delta": S, "knots": S, "beta": K, "mean": K, "sd": K}
    names = [field.name for field in fields(Fits) if field.name not in LABELS]
    out = {name: np.zeros((n, wide[name]) if name in wide else n) for name in names}
    for name in ("scale", "span"):
        out[name][:] = 1.0
    out["sd"][:] = 1.0
    out["knots"][:] = 1.0
    return out


@dataclass(frozen=True)
class Survey:
    """Of each row of Y (n, T): count, low and high of its values, each (n,), and which there are, packed (n, T / 8)."""

    count: NDArray[np.int64]
    low: Array
    high: Array
    bits: NDArray[np.uint8]


def survey(Y: Array) -> Survey:
    """Scan every value once, some rows at a time: masks of all rows at once would be as large as Y."""
    n, T = Y.shape
    count, low, high = np.zeros(n, dtype=np.int64), np.full(n, np.inf), np.full(n, -np.inf)
    bits = np.empty((n, -(-T // 8)), dtype=np.uint8)
    for start in range(0, n, ROWS_AT_ONCE):
        rows = slice(start, start + ROWS_AT_ONCE)
        seen = np.isfinite(Y[rows])
        count[rows], bits[rows] = seen.sum(axis=1), np.packbits(seen, axis=1)
        low[rows] = np.where(seen, Y[rows], np.inf).min(axis=1, initial=np.inf)
        high[rows] = np.where(seen, Y[rows], -np.inf).max(axis=1, initial=-np.inf)
    return Survey(count, low, high, bits)


def odd_codes(of: Survey) -> Codes:
    """Return which rows no model can be fitted to, and why; "" for the others."""
    codes = np.full(of.count.size, ORDINARY, dtype="U16")
    codes[of.high == of.low] = CONSTANT
    codes[of.count == 1] = TOO_SHORT
    codes[(of.high == 0) & (of.low == 0)] = ALL_ZERO
    codes[of.count == 0] = NO_HISTORY
    return codes


def fill_odd(out: dict[str, Array], Y: Array, codes: Codes, days: Array) -> None:
    """Set a constant series' offset to its value; one without values stays 0."""
    for row in np.flatnonzero((codes == CONSTANT) | (codes == TOO_SHORT)):
        out["floor"][row] = Y[row][np.isfinite(Y[row])][0]
    for row in np.flatnonzero((codes != ORDINARY) & (codes != NO_HISTORY)):
        out["start"][row] = days[np.argmax(np.isfinite(Y[row]))]
    out["start"][codes == NO_HISTORY] = days[0]
