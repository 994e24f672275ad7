import ast
import re
from pathlib import Path

import pytest

from catalog.experiments import METRICS
from dashboard.glossary import TERMS, tip

ROOT = Path(__file__).parents[2]
SECTION = re.compile(r"^### (.+?)\n(.+?)(?=^#|\Z)", re.M | re.S)


def entries() -> dict[str, str]:
    """Return each entry of docs/glossary.md on one line, by its heading."""
    text = (ROOT / "docs" / "glossary.md").read_text(encoding="utf-8")
    return {name: " ".join(entry.split()) for name, entry in SECTION.findall(text)}


@pytest.mark.parametrize("term", TERMS)
def test_tooltip_is_the_beginning_of_the_entry_of_its_word(term: str) -> None:
    assert entries()[term].startswith(TERMS[term])


def test_tip_takes_a_word_in_any_case_and_no_word_without_entry() -> None:
    assert tip("wape") == tip("WAPE") == TERMS["WAPE"]
    with pytest.raises(KeyError):
        tip("champion")


def test_every_word_that_a_page_asks_for_has_an_entry_and_every_entry_is_shown() -> None:
    asked = {
        str(call.args[0].value)
        for path in (ROOT / "dashboard").rglob("*.py")
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Name)
        and call.func.id == "tip"
        and isinstance(call.args[0], ast.Constant)
    }
    # tables of a backtest name their metric
    asked |= {metric.upper() for metric in METRICS}
    assert {term.lower() for term in asked} == {term.lower() for term in TERMS}
