"""Event kinds are data: their names stand in few files, and everything else asks the table.

Python is read as a syntax tree, SQL (files, and strings of Python that quote a kind) by a regular expression. Tests,
docs and released migrations are free. Words that also name fields and columns, such as "price" and "order", count
only where they stand beside another kind or are compared with something called a kind, a movement or a type.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from stocktide.domain.kinds import KINDS, TYPE_PREFIX

ROOT = Path(__file__).parents[1]
FREE = {"tests", "docs", "build"}
RELEASED = "0015"
FILES_MAX = 8
# Names of fields and columns too.
AMBIGUOUS = {"price", "order"}
# Files that may name kinds, and why.
NAMING = {
    "stocktide/domain/kinds.py": "the table",
    "sql/migrations/0016_event_kinds.sql": "its twin",
    "ingest/epcis/movements/rules.py": "the types of EPCIS movements, which share words with the kinds",
    "benchmarks/_crash_events.py": "an independent ledger that the real one is compared with",
    "examples/send_with_python.py": "an example of what a sender writes, who has not our table",
}
# Literals that are no kinds.
OTHER_THINGS = {
    ("benchmarks/_shelf.py", "sale"): "a column of a public data set",
    ("benchmarks/sale_path.py", "return"): "an event of the interpreter",
}
QUOTED = re.compile(rf"'(?:{re.escape(TYPE_PREFIX)})?({'|'.join(KINDS)})'")
COMMENT = re.compile(r"--[^\n]*")
Found = tuple[int, str]


def in_sql(text: str) -> list[Found]:
    text = COMMENT.sub("", text)
    return [(text.count("\n", 0, at.start()) + 1, at[1]) for at in QUOTED.finditer(text)]


def in_python(text: str) -> Iterator[Found]:
    tree = ast.parse(text)
    inside = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            continue
        name = node.value.removeprefix(TYPE_PREFIX)
        if name in KINDS:
            clear = name not in AMBIGUOUS or name != node.value
            if clear or _means_a_kind(node, inside):
                yield node.lineno, name
        elif "SELECT" in node.value or "INSERT" in node.value:
            for line, name in in_sql(node.value):
                yield node.lineno + line - 1, name


def _means_a_kind(node: ast.AST, inside: dict[ast.AST, ast.AST]) -> bool:
    """Judge a word by the literals beside it, and by what it is compared with or looked up in."""
    around = inside[node]
    if isinstance(around, ast.Tuple | ast.List | ast.Set | ast.Dict):
        beside = {child.value for child in ast.walk(around) if isinstance(child, ast.Constant)}
        if len(beside & (KINDS.keys() - AMBIGUOUS)) >= 2:
            return True
        around = inside.get(around, around)
    if isinstance(around, ast.Compare | ast.Subscript | ast.IfExp):
        said = ast.unparse(around).lower()
        return any(word in said for word in ("kind", "movement", ".type", "flags"))
    return False


def sources() -> Iterator[Path]:
    """Give Python and SQL files in the rooms of the checkout, but no released migration and nothing generated."""
    rooms = [room for room in ROOT.iterdir() if room.name not in FREE and room.name[0] != "."]
    for path in sorted(path for room in rooms for path in (room, *room.rglob("*"))):
        released = path.parent.name == "migrations" and path.name[:4] <= RELEASED
        if path == ROOT / "sql" / "schema.sql":
            continue  # written from the migrations
        if path.suffix == ".py" or (path.suffix == ".sql" and not released):
            yield path


def found() -> dict[str, list[Found]]:
    files: dict[str, list[Found]] = {}
    for path in sources():
        name = path.relative_to(ROOT).as_posix()
        text = path.read_text("utf-8")
        literals = in_sql(text) if path.suffix == ".sql" else in_python(text)
        kept = [item for item in literals if (name, item[1]) not in OTHER_THINGS]
        if kept:
            files[name] = kept
    return files


def test_few_files_name_kinds() -> None:
    files = found()
    assert len(NAMING) <= FILES_MAX
    strangers = {name: lines for name, lines in files.items() if name not in NAMING}
    assert not strangers, "ask stocktide.domain.kinds, or join event_kinds"
    assert files.keys() == NAMING.keys(), "a file names no kind any more: take it out of NAMING"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("x = 'sale'", ["sale"]),
        ("x = 'stocktide.price'", ["price"]),
        ("x = f'{prefix}correction'", ["correction"]),
        ("row['price']", []),
        ("kind == 'price'", ["price"]),
        ("kind in ('price', 'cost')", ["price"]),
        ("event.type == 'order'", ["order"]),
        ("x = ('sale', 'return', 'order')", ["sale", "return", "order"]),
        ("x = ['order', 'starts_on']", []),
        ("q = \"SELECT sum(x) FILTER (WHERE kind = 'sale') FROM y\"", ["sale"]),
        ("x = 'a sale of goods'", []),
    ],
)
def test_literals_are_found_in_python(text: str, names: list[str]) -> None:
    assert sorted(name for _, name in in_python(text)) == sorted(names)


def test_literals_are_found_in_sql() -> None:
    text = "SELECT 1 -- kind = 'sale'\nFROM l WHERE kind IN ('order', 'a sale') AND type = 'stocktide.price'"
    assert in_sql(text) == [(2, "order"), (2, "price")]
