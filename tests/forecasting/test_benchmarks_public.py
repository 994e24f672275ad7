"""Figures that speak for the library come through its public names, so that any caller can reach them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
SPEAKING = (
    "m5",
    "m5_full_size",
    "shelf",
    "known_ahead",
    "_simulated",
    "stockouts",
    "tourism",
    "paths",
    "fit_speed",
    "_m5",
    *(path.stem for path in sorted(BENCHMARKS.glob("_shelf*.py"))),
)


def imported(source: str) -> Iterator[str]:
    """List every module that a script imports, wherever the import stands."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            yield node.module


def beyond_the_door(source: str) -> list[str]:
    """List the modules inside `forecasting` that a script imports."""
    return [name for name in imported(source) if name.startswith("forecasting.")]


@pytest.mark.parametrize("name", SPEAKING)
def test_benchmark_imports_forecasting_by_its_public_names_only(name: str) -> None:
    source = (BENCHMARKS / f"{name}.py").read_text()
    assert beyond_the_door(source) == []


@pytest.mark.parametrize("name", SPEAKING)
def test_benchmark_imports_only_names_that_forecasting_offers(name: str) -> None:
    import forecasting

    wanted = {
        alias.name
        for node in ast.walk(ast.parse((BENCHMARKS / f"{name}.py").read_text()))
        if isinstance(node, ast.ImportFrom) and node.module == "forecasting"
        for alias in node.names
    }
    assert wanted <= set(forecasting.__all__)


def test_beyond_the_door_finds_imports_inside_functions() -> None:
    source = (
        "from forecasting import score\ndef f():\n    from forecasting.run import run_forecast\n"
    )
    assert beyond_the_door(source) == ["forecasting.run"]
