"""The parts of the mixture, told by the names of their experts: what a study leaves out to learn its worth."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from forecasting.experts.level import AS_FITTED

_OWN = ("additive ", "log1p ", "multiplicative ")
_MODELS = (*_OWN, "shape of ")
_AS_FITTED = f"@{AS_FITTED}"

PARTS: Mapping[str, Callable[[str], bool]] = MappingProxyType(
    {
        "own models": lambda expert: expert.startswith(_OWN),
        "logarithm": lambda expert: expert.startswith("log1p "),
        "recent": lambda expert: expert.startswith(_OWN) and " recent" in expert,
        "whole": lambda expert: expert.startswith(_OWN) and " whole" in expert,
        "shapes": lambda expert: expert.startswith("shape of "),
        "windows": lambda expert: expert.startswith(_MODELS) and not expert.endswith(_AS_FITTED),
        "simple": lambda expert: expert.startswith(("mean", "seasonal mean", "last year")),
        "smoothing": lambda expert: expert.startswith(("ETS", "Theta")),
        "splits": lambda expert: expert.startswith("share of "),
    }
)
