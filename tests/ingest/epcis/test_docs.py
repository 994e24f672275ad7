"""docs/epcis.md says what the code does."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec
import sqlalchemy as sa

import ingest.epcis
from ingest.epcis.movements.rules import Movement, Rule, read_rules
from ingest.epcis.query.query import MATCHES, READERS, TYPED

DOCS = (Path(__file__).parents[3] / "docs" / "epcis.md").read_text("utf-8")
# Calls that begin with a reason, and modules in which tuples of a reason and its sentence do.
CALLS = {"Refused", "Fault"}
TUPLES = {"goods", "validation", "containers", "settled"}


def is_sentence(node: ast.expr) -> bool:
    """Tell whether something is a message for people."""
    if isinstance(node, ast.Name):
        return node.id == "message"
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and " " in str(node.value)
    )


def reasons() -> Iterator[str]:
    """Every reason that the code gives: first of a Refused or a Fault, or before its sentence in a tuple."""
    for path in Path(ingest.epcis.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            first: ast.expr | None = None
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in CALLS and node.args:
                first = node.args[0]
            elif isinstance(node, ast.Call) and path.stem == "containers":
                first = node.args[0] if getattr(node.func, "id", "") == "Invalid" else None
            elif isinstance(node, ast.Tuple) and len(node.elts) >= 2 and path.stem in TUPLES:
                first = node.elts[0] if is_sentence(node.elts[1]) else None
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value


def test_every_reason_is_in_the_docs_and_every_one_there_is_given() -> None:
    tables = DOCS.partition("**When it cannot be.**")[2].partition("**Error declarations**")[0]
    cells = re.findall(r"^\| (`.*?) \|", tables, re.MULTILINE)
    documented = {name for cell in cells for name in re.findall(r"`(\w+)`", cell)}
    assert documented == set(reasons())


def test_every_query_parameter_is_in_the_docs() -> None:
    told = DOCS.partition("## Query parameters")[2]
    for name in [*READERS, *MATCHES, *TYPED]:
        bare = name.partition("_")[2] if name[:3] in ("EQ_", "MAT", "WD_") else name
        assert re.search(rf"`(\w\w_)?{re.escape(bare)}(TYPE)?`", told), name


def test_the_default_table_is_that_of_the_docs(database: sa.Engine) -> None:
    table = DOCS.partition("| step | disposition |")[2].partition("\n\n")[0]
    told = set()
    for line in table.splitlines()[2:]:
        steps, disposition, action, movement = (
            re.findall(r"`(.+?)`", cell) for cell in line.split("|")[1:5]
        )
        for step in steps:
            told.add(
                (step, *(cell[0] if cell else "*" for cell in (disposition, action, movement)))
            )
    with database.connect() as connection:
        rules = [rule for rule in read_rules(connection) if rule.event_type == "ObjectEvent"]
    assert told == {(r.biz_step, r.disposition, r.action, r.movement) for r in rules}


def test_the_examples_of_the_docs_are_valid() -> None:
    bodies = re.findall(r"-d '(\{.*?\})'", DOCS, re.DOTALL)
    assert len(bodies) == 2
    read = ingest.epcis.read_document(bodies[0].encode())
    assert len(read.events) == 1
    rules = msgspec.json.decode(bodies[1], type=dict[str, list[Rule]])["movements"]
    assert {rule.movement for rule in rules} <= set(get_args(Movement))
