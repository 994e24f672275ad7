"""Libraries that check ours, imported late: they take seconds, and warn of their own code."""

import importlib
import os
import warnings
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
DATA = Path(os.environ.get("STOCKTIDE_TEST_DATA", CHECKOUT.parent / "shared" / "data"))


def library(name: str) -> Any:
    """Import without the warnings of its docstrings."""
    with warnings.catch_warnings():
        for category in (DeprecationWarning, SyntaxWarning, FutureWarning):
            warnings.simplefilter("ignore", category)
        return importlib.import_module(name)
