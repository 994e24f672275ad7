"""What PostgreSQL can store: told as PostgreSQL itself does, and decided in one place."""

import ast
import json
import re
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from stocktide.foundation.stored_text import is_storable, is_storable_json, storable

ROOT = Path(__file__).parents[3]
FOLDERS = (
    "stocktide",
    "ingest",
    "alerts",
    "etl",
    "forecasting",
    "catalog",
    "query",
    "replenishment",
    "dashboard",
)
HOME = "stocktide/foundation/stored_text.py"
# Each spells such a character for another reason than storing text.
OTHERS = {
    "catalog/products.py": "leaves it out of what is searched for",
    "ingest/files/draft_rows.py": "bytes: whether text is in two bytes a character",
    "ingest/files/survey.py": "a file that is not UTF-8",
    "ingest/ledger/binary.py": "bytes: the header of COPY",
    "forecasting/publishing/array_copy.py": "bytes: the header of COPY",
    "ingest/ledger/columns.py": "bytes: false, in COPY",
    "ingest/mqtt/plain.py": "bytes: between topic and payload of a hash",
    "ingest/mqtt/topics.py": "MQTT's rule for topics",
    "ingest/parsing/parser.py": "bytes: whether a closer look is worth it",
}
texts = st.text(
    st.one_of(st.sampled_from("\x00a\\u0d8é\ud800\udfff\U0001f600"), st.characters(codec=None)),
    max_size=8,
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
@example("\x00")
@example("\ud83d")
@example("\ud83d\ude00")
@example("\\u0000")
def test_is_storable_agrees_with_the_database(database: sa.Engine, text: str) -> None:
    assert is_storable(text) == stores(database, "text", text)
    assert is_storable(storable(text))
    assert len(storable(text)) == len(text)
    assert (storable(text) == text) == is_storable(text)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(texts)
@example("\x00")
@example("a\ud800")
def test_is_storable_json_takes_nothing_that_the_database_refuses(
    database: sa.Engine, text: str
) -> None:
    written = json.dumps({"a": text}, ensure_ascii=False)
    if is_storable_json(written):
        assert stores(database, "jsonb", written)
    else:  # a backslash before u0000 looks like the escape, and is refused too
        assert not is_storable(text) or "\\u0000" in text


def stores(database: sa.Engine, kind: str, text: str) -> bool:
    with database.connect() as connection:
        try:
            connection.execute(sa.text(f"SELECT CAST(:text AS {kind})"), {"text": text})
        except (UnicodeEncodeError, psycopg.DataError, sa.exc.DataError):
            return False
    return True


@pytest.mark.parametrize(
    ("text", "shown"), [("a\x00b", "a\ufffdb"), ("a\ud800b", "a?b"), ("é\U0001f600", "é\U0001f600")]
)
def test_storable_replaces_one_character_by_one(text: str, shown: str) -> None:
    assert storable(text) == shown


def test_no_other_module_looks_for_such_characters() -> None:
    found = {
        str(path.relative_to(ROOT))
        for folder in FOLDERS
        for path in (ROOT / folder).rglob("*.py")
        if any(map(is_such, ast.walk(ast.parse(path.read_text("utf-8")))))
    }
    assert found == {HOME, *OTHERS}


def is_such(node: ast.AST) -> bool:
    """Return True for a constant with a NUL, half a pair, or the escape of a NUL."""
    value = node.value if isinstance(node, ast.Constant) else None
    if isinstance(value, bytes):
        return b"\x00" in value
    return isinstance(value, str) and bool(re.search("[\x00\ud800-\udfff]|\\\\u0000", value))
