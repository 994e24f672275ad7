"""What every benchmark prints last, and what it needs before it measures. No benchmark itself."""

import os
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import NoReturn

from tests.find_tools import PACKAGES, find_tool, install_absent

# EX_UNAVAILABLE of sysexits.h: something that it needs is not there, so nothing was measured.
UNAVAILABLE = 69
DATA_VARIABLE = "STOCKTIDE_TEST_DATA"


def at_least(name: str, value: float, goal: float) -> None:
    """Print a claim that is met from `goal` up."""
    _print(name, value, goal, met=value >= goal)


def at_most(name: str, value: float, goal: float) -> None:
    """Print a claim that is met up to `goal`."""
    _print(name, value, goal, met=value <= goal)


def figure(name: str, value: float) -> None:
    """Print a figure that has no goal of its own."""
    print(f"figure {name} value={value:.4g}")


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
        unavailable(f"No {needed} in {folder}; give --data DIR, or set {DATA_VARIABLE}.")
    return folder


def need_program(name: str) -> None:
    """Find a program, or install it where we may. Ends the program with what to do where it cannot be had."""
    if find_tool(name) is None:
        install_absent()
    if find_tool(name) is None:
        unavailable(f"No {name}; install Debian's package {PACKAGES[name]} or the like.")


def need_package(name: str) -> None:
    """Exit with what to do if a Python package of the extra `dev` is not installed."""
    if find_spec(name) is None:
        unavailable(f"No package {name}; `make setup` installs it.")


def unavailable(why: str) -> NoReturn:
    """Exit before measuring, in the way that `make bench` tells from a failure."""
    print(why, file=sys.stderr)
    sys.exit(UNAVAILABLE)
