"""Codes that are not what they look like are flagged with an example and a count, and never changed."""

import re
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest.files.code_flags import code_warnings
from ingest.files.importing import dry_run_file, import_file
from ingest.recording.recording import Recorder
from stocktide.foundation.settings import Settings
from tests.ingest.tills import row, till, write

ODD: list[tuple[list[str], str]] = [
    (["4.00638E+12"], "scientific notation"),
    (["4E+12"], "scientific notation"),
    (["4,00638E+12"], "scientific notation"),
    (["A "], "spaces at the start or end"),
    ([" A"], "spaces at the start or end"),
    (["A", "A "], r"beside 'A'"),
    (["A-1", "a-1"], r"'a-1', row 2, beside 'A-1'"),
    (["AB", "A\u200bB"], r"invisible.*'A\\u200bB'"),
    (["A\u00a0B"], r"not plain.*'A\\u00a0B'"),
    (["A\u00adB"], "invisible"),
    (["\ufeffA"], "invisible"),
    (["A\u3164"], "invisible"),
    (["A\tB"], "invisible"),
    (["A-1", "\u0410-1"], r"'\\u0410-1', row 2, beside 'A-1'"),
    (["M\u0410-1"], "look like Latin"),
    (["\uff21\uff22\uff11"], "wide characters"),
    (["O-1", "\u039f-1"], "look alike"),
    (["A-1", "A\u20131"], "look alike"),
    (["'A'"], "quote mark at the start"),
    (["'0012"], "quote mark at the start"),
]


@pytest.mark.parametrize(("codes", "said"), ODD)
def test_an_odd_code_is_flagged_so_that_it_can_be_seen(codes: list[str], said: str) -> None:
    warnings = code_warnings("product.sku", [(code, 1, n) for n, code in enumerate(codes, start=1)])
    assert any(re.search(said, warning) for warning in warnings), warnings
    assert all(warning.isascii() and warning.isprintable() for warning in warnings)


@given(st.lists(st.from_regex(r"[A-Z]{2,4}-[0-9]{2,6}", fullmatch=True), unique=True))
def test_plain_codes_are_not_flagged(codes: list[str]) -> None:
    assert code_warnings("product.sku", [(code, 1, 1) for code in codes]) == []


@pytest.mark.parametrize(
    "code",
    [
        "85123A",
        "12E4",
        "Süßkram-1",
        "\u0410\u0411\u0412-7",
        "日本-1",
        "A B",
        "0012",
        "9780306406157",
    ],
)
def test_a_code_of_another_language_is_not_odd(code: str) -> None:
    assert code_warnings("product.sku", [(code, 1, 1)]) == []


def test_dry_run_and_import_flag_codes_and_record_them_as_they_are(
    database: sa.Engine, tmp_path: Path
) -> None:
    lines = [
        row("a"),
        row("b", sku="A "),
        row("c", sku="A "),
        row("d", sku="4.00638E+12"),
        row("e", sku="TEST "),
    ]
    path = write(tmp_path / "till.csv", *lines)
    mapping = till(("when = \"sku = 'TEST'\"", "when = \"trim(sku) = 'TEST'\""))
    _, dry = dry_run_file(path, mapping, Settings())
    recorder = Recorder(database, Settings(create_on_first_sight=True))
    done = import_file(path, mapping, recorder, lambda _done, _total: None)
    assert dry.warnings == done.warnings
    assert [warning.partition(":")[2][:24] for warning in dry.warnings] == [
        " 1 written as a number i", " 1 with spaces at the st", " 1 differ from another c",
    ]  # fmt: skip
    assert "(2 rows), such as 'A ', row 2" in dry.warnings[1]
    with database.connect() as connection:
        skus = connection.execute(sa.text("SELECT sku FROM products ORDER BY sku")).scalars()
        assert list(skus) == ["4.00638E+12", "A", "A "]
