"""Trees that correct forecasts: gradient boosting from a start, under Poisson's loss, as many trees as prove useful.

R rows, F features. The start of a row is the logarithm of its forecast, so that without a tree the forecast stays.
"""

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from stocktide.foundation.errors import Invalid

Array = NDArray[np.float64]
Floats = NDArray[np.float32]

# A forecast is not moved by more than these factors: errors at a few origins do not justify more.
FACTOR_MIN, FACTOR_MAX = 0.5, 2.0
TREES_MAX = 100
# Trees are few and shallow, and their leaves hold a share of all rows: origins are few, so rows err together.
SETTINGS: dict[str, Any] = {
    "objective": "poisson",
    "learning_rate": 0.1,
    "num_leaves": 15,
    "max_bin": 63,
    "lambda_l2": 10.0,
    "feature_fraction": 0.7,
    "seed": 1,
    "deterministic": True,
    "force_row_wise": True,
    "verbosity": -1,
}
# One thread grows the same trees everywhere, and leaves the other cores to the rest of the machine.
THREADS = 1
ROWS_SHARE_MIN = 0.005
ROWS_MIN = 20
TINY = 1e-12


@dataclass(frozen=True)
class Rows:
    """Data that trees learn from. X: (R, F). start, came, weight: (R,); start > 0, came >= 0 units. origin: (R,)."""

    X: Floats
    start: Array
    came: Array
    weight: Array
    origin: NDArray[np.int64]

    def of(self, which: NDArray[np.bool_]) -> "Rows":
        """Return some of the rows."""
        return Rows(*(part[which] for part in vars(self).values()))


def is_installed() -> bool:
    """Return True if LightGBM can be imported."""
    return find_spec("lightgbm") is not None


def refuse_missing() -> None:
    """Raise Invalid (`extra_missing`) where LightGBM is not installed."""
    if not is_installed():
        raise Invalid(
            "extra_missing",
            'The boosted mixture needs LightGBM, which is not installed: pip install "stocktide[boost]".',
            extra="boost",
        )


def grow(rows: Rows, trees: int) -> str:
    """Grow trees on rows and return them as text."""
    import lightgbm

    booster = lightgbm.train(_settings(rows), _dataset(rows), num_boost_round=trees)
    return str(booster.model_to_string())


def factors(trees: str, X: Floats) -> Array:
    """Return the bounded factors (R,) by which trees, as `grow` gives them, move forecasts."""
    import lightgbm

    booster = lightgbm.Booster(model_str=trees)
    raw = np.asarray(booster.predict(X, raw_score=True, num_threads=THREADS))
    return np.asarray(np.exp(np.clip(raw, np.log(FACTOR_MIN), np.log(FACTOR_MAX))))


def losses(rows: Rows, tested: Rows) -> Array:
    """Return by how much each number of trees changes the loss on rows that took no part, (1 + TREES_MAX,), 0 first.

    The loss is Poisson's deviance, weighed, as a share of the start's own: below 0 is better than the start.
    """
    import lightgbm

    curve: dict[str, Any] = {}
    data = _dataset(rows)
    lightgbm.train(
        _settings(rows),
        data,
        num_boost_round=TREES_MAX,
        valid_sets=[_dataset(tested, reference=data)],
        valid_names=["tested"],
        callbacks=[lightgbm.record_evaluation(curve)],
    )
    came, weight = tested.came, tested.weight
    own = np.average(tested.start - came * np.log(tested.start), weights=weight)
    least = np.average(came - came * np.log(np.maximum(came, TINY)), weights=weight)
    grown = np.array([own, *curve["tested"]["poisson"]])
    return np.asarray((grown - own) / max(own - least, TINY))


def _settings(rows: Rows) -> dict[str, Any]:
    least = max(ROWS_MIN, int(ROWS_SHARE_MIN * rows.start.size))
    return {**SETTINGS, "num_threads": THREADS, "min_data_in_leaf": least}


def _dataset(rows: Rows, reference: Any = None) -> Any:
    import lightgbm

    return lightgbm.Dataset(
        rows.X,
        label=rows.came,
        weight=rows.weight,
        init_score=np.log(rows.start),
        reference=reference,
    )
