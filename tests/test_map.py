"""docs/map.md names places that exist."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PLACES = re.findall(r"`([\w/.]+/[\w.]+)(?:: (\w+))?`", (ROOT / "docs/map.md").read_text("utf-8"))


def test_the_map_is_worth_reading() -> None:
    assert len(PLACES) > 60
    assert len(set(PLACES)) > 50


@pytest.mark.parametrize(("path", "symbol"), sorted(set(PLACES)))
def test_each_place_of_the_map_exists(path: str, symbol: str) -> None:
    file = ROOT / path
    assert file.is_file()
    if not symbol:
        return
    top = ast.parse(file.read_text("utf-8")).body
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    names = {node.name for node in top if isinstance(node, kinds)}
    assert symbol in names
