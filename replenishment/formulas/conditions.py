"""Conditions on arguments: what is refused, and in which words."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]


def positive(**values: ArrayLike) -> None:
    """Refuse what is not finite and above 0. Raises ValueError that names the argument."""
    for name, value in values.items():
        _hold(name, value, finite(name, value) > 0, "above 0")


def not_negative(**values: ArrayLike) -> None:
    """Refuse what is not finite and at least 0. Raises ValueError that names the argument."""
    for name, value in values.items():
        _hold(name, value, finite(name, value) >= 0, "at least 0")


def inside(low: float, high: float, **values: ArrayLike) -> None:
    """Refuse what does not lie strictly between two bounds. Raises ValueError that names the argument."""
    for name, value in values.items():
        number = finite(name, value)
        _hold(name, value, (number > low) & (number < high), f"between {low:g} and {high:g}")


def whole(**values: ArrayLike) -> None:
    """Refuse what is not a whole number of at least 0. Raises ValueError that names the argument."""
    for name, value in values.items():
        number = finite(name, value)
        _hold(
            name, value, (number >= 0) & (number == np.floor(number)), "a whole number, at least 0"
        )


def finite(name: str, value: ArrayLike) -> Array:
    """Return a value as an array of numbers. Raises ValueError where it is not finite, or not a number."""
    try:
        number = np.asarray(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be a number, not {value!r}") from error
    _hold(name, value, np.isfinite(number), "finite")
    return number


def probabilities(name: str, value: ArrayLike) -> Array:
    """Return probabilities of 0, 1, 2, …: (n,), that sum to 1 exactly. Raises ValueError where they are not such."""
    found = finite(name, value)
    if found.ndim != 1 or not found.size:
        raise ValueError(f"{name} must be a list of probabilities of 0, 1, 2, …")
    _hold(name, value, found >= 0, "at least 0")
    total = float(found.sum())
    # printed to a few digits they sum to nearly 1
    if abs(total - 1.0) > 1e-3:
        raise ValueError(f"{name} must sum to 1, not {total:g}")
    return np.asarray(found / total)


def _hold(name: str, value: Any, held: Any, condition: str) -> None:
    if not np.all(held):
        raise ValueError(f"{name} must be {condition}, not {value!r}")
