"""Plain words: turns that were dropped do not come back into docstrings, comments, messages and documents.

Python is read by its tokens: comments, and strings of more than one word. Of SQL comments count, of documents all
but code. Names, JSON fields, commands and released migrations are free: they are kept for those who use them.
"""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROSE = (
    *(
        "alerts",
        "benchmarks",
        "catalog",
        "dashboard",
        "data",
        "docs",
        "etl",
        "examples",
        "forecasting",
    ),
    *("ingest", "query", "replenishment", "sql", "stocktide"),
)
# Released text stays as it was released, and the schema is made from it.
RELEASED = ("sql/migrations/", "sql/schema.sql")
# What was dropped, and what to write.
TURNS = {
    r"anew": "again",
    r"for ever": "forever, or the limit itself",
    r"by heart": "cached",
    r"at will": "as often as you like",
    r"in sight": "visible, open",
    r"(?<!there )(?:is|are) (?-i:none)": "is not a …",
    r"which is all that": "the limit itself",
    r"as (?:it|they) came": "unchanged",
    r"(?<!/)mend(?:s|ed|ing)?": "fix",
    r"(?:thus|hence|whence|lest|thereof|wherein|therein|nought)": "so, because, of it, in it, 0",
    r"(?-i:Tell|Say) whether": "Return True if …",
}
DROPPED = re.compile(rf"\b(?:{'|'.join(TURNS)})\b", re.IGNORECASE)
# a string that is SQL names columns
STATEMENT = re.compile(r"""\w?["']+(?:SELECT|INSERT|UPDATE|DELETE) """)
CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
# A function's docstring begins with what it does.
NOT_IMPERATIVE = {
    "what",
    "whether",
    "how",
    "why",
    "when",
    "where",
    "which",
    "who",
    "the",
    "a",
    "an",
}
Text = tuple[int, str]


def prose_of_python(text: str) -> Iterator[Text]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT or (
            token.type == tokenize.STRING
            and " " in token.string.strip()
            and not STATEMENT.match(token.string)
        ):
            yield token.start[0], token.string


def prose_of_sql(text: str) -> Iterator[Text]:
    for number, line in enumerate(text.splitlines(), 1):
        if "--" in line:
            yield number, line.partition("--")[2]


def prose_of_document(text: str) -> Iterator[Text]:
    # code goes, its lines stay, so that numbers are right
    text = CODE.sub(lambda found: "\n" * found[0].count("\n"), text)
    yield from enumerate(text.splitlines(), 1)


READERS = {
    ".py": prose_of_python,
    ".pyi": prose_of_python,
    ".sql": prose_of_sql,
    ".md": prose_of_document,
}


def files() -> list[Path]:
    found = [*ROOT.glob("*.md"), *(path for name in PROSE for path in (ROOT / name).rglob("*"))]
    return [
        path
        for path in sorted(found)
        if path.suffix in READERS and not path.relative_to(ROOT).as_posix().startswith(RELEASED)
    ]


def dropped_in(path: Path, text: str) -> list[str]:
    return [
        f"{path}:{number}: {turn}"
        for number, prose in READERS[path.suffix](text)
        for turn in DROPPED.findall(" ".join(prose.split()))
    ]


def test_dropped_turns_do_not_come_back() -> None:
    found = [
        line
        for path in files()
        for line in dropped_in(path.relative_to(ROOT), path.read_text("utf-8"))
    ]
    assert found == [], f"write instead: {TURNS}"


def test_docstrings_of_functions_begin_with_a_verb() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {docstring.splitlines()[0]}"
        for path in files()
        if path.suffix == ".py"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (docstring := ast.get_docstring(node))
        and docstring.split()[0].lower() in NOT_IMPERATIVE
    ]
    assert found == []


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", '"""Do it\nfor ever."""\n'),
        ("a.py", 'raise ValueError(f"{name} is none of ours")\n'),
        ("a.py", "go()  # it is made anew\n"),
        ("a.sql", "SELECT 1 -- kept as it came\n"),
        ("a.md", "A reject can be mended.\n"),
    ],
)
def test_a_dropped_turn_is_found(name: str, text: str) -> None:
    assert len(dropped_in(Path(name), text)) == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.py", 'kept["mended"] = "mend"\n'),
        ("a.py", '"""Return it; 0 where there\nis none."""\n'),
        ("a.sql", "SELECT mended FROM rejects\n"),
        ("a.md", "`stocktide rejects mend` changes it.\n```\nmend\n```\n"),
    ],
)
def test_names_and_code_are_free(name: str, text: str) -> None:
    assert dropped_in(Path(name), text) == []
