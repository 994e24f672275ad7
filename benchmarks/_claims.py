"""What every benchmark prints last, and where it finds real data. No benchmark itself."""

import os
import sys
from pathlib import Path

DATA_VARIABLE = "STOCKTIDE_TEST_DATA"


def at_least(name: str, value: float, goal: float) -> None:
    """Print a claim that is met from `goal` up."""
    _print(name, value, goal, met=value >= goal)


def at_most(name: str, value: float, goal: float) -> None:
    """Print a claim that is met up to `goal`."""
    _print(name, value, goal, met=value <= goal)


def _print(name: str, value: float, goal: float, *, met: bool) -> None:
    print(f"claim {name} value={value:.4g} goal={goal:g} met={'yes' if met else 'no'}")


def data_folder(given: Path | None, needed: str) -> Path:
    """Find the folder that holds `needed`: the one given, STOCKTIDE_TEST_DATA, or ../shared/data beside the checkout.

    Ends the program with what to do where it is not there.
    """
    named = os.environ.get(DATA_VARIABLE)
    beside = Path(__file__).parents[2] / "shared" / "data"
    folder = given or (Path(named) if named else beside)
    if not (folder / needed).exists():
        sys.exit(f"No {needed} in {folder}; give --data DIR, or set {DATA_VARIABLE}.")
    return folder
