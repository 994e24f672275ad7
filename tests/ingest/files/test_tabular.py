from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ingest.files.tabular import TabularFile
from stocktide.foundation.errors import Invalid
from tests.ingest.tills import HEADER, row, till, write

Broken = Callable[[Path], None]


def text(content: str, encoding: str = "utf-8") -> Broken:
    """Writer of a text file."""

    def make(path: Path) -> None:
        path.write_bytes(content.encode(encoding))

    return make


def half_a_parquet(path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"] * 1000}), path)
    path.write_bytes(path.read_bytes()[:300])


def nothing(_path: Path) -> None:
    """Leave the file away."""


JSON_ROW = '{"id":"a","moment":"2026-03-01 10:00","sku":"A","shop":"S1","quantity":1,"line":1}\n'
BAD: list[tuple[str, str, Broken, str, str]] = [
    ("missing", "till.csv", nothing, "file_missing", "no such file"),
    ("folder", "till.csv", Path.mkdir, "file_missing", "no such file"),
    ("empty", "till.csv", text(""), "file_empty", "the file is empty"),
    ("blank lines", "till.csv", text("\n\n"), "column_missing", "column 'id'"),
    ("unknown suffix", "till.xlsx", text("x"), "file_type", r"\.xlsx; there are \.csv, \.parquet"),
    ("no suffix", "till", text("x"), "file_type", "no suffix"),
    ("truncated Parquet", "till.parquet", half_a_parquet, "file_unreadable", "No magic bytes"),
    ("no Parquet", "till.parquet", text("PAR1 it is not"), "file_unreadable", "No magic"),
    ("empty Parquet", "till.parquet", text(""), "file_empty", "the file is empty"),
    ("list in NDJSON", "till.ndjson", text("[1, 2]\n"), "column_missing", "column 'id'"),
    ("latin-1 cell", "till.csv", text(HEADER + row() + row("b", sku="Süß"), "latin-1"), "file_encoding",
     "line 3: byte 0xfc is not UTF-8"),
    ("latin-1 header", "till.csv", text(HEADER.replace("quantity", "quantité") + row(), "latin-1"), "file_encoding",
     "line 1: byte 0xe9"),
    ("latin-1 NDJSON", "till.ndjson", text(JSON_ROW + JSON_ROW.replace('"A"', '"Ä"'), "latin-1"), "file_encoding",
     "line 2: byte 0xc4"),
    ("latin-1 last byte", "till.csv", text(HEADER + row() + "b,é", "latin-1"), "file_encoding", "line 3: byte 0xe9"),
    ("utf-16 without mark", "till.csv", text(HEADER + row(), "utf-16-le"), "file_encoding", "line 1: a NUL byte"),
    ("missing column", "till.csv", text(HEADER.replace("quantity", "qty") + row()), "column_missing",
     "column 'quantity' of mapping 'till' is not there; the file has id, moment, sku, shop, qty, line"),
    ("column in capitals", "till.csv", text(HEADER.upper() + row()), "column_missing", "the file has ID, MOMENT"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "make", "code", "said"), [entry[1:] for entry in BAD], ids=[entry[0] for entry in BAD]
)
def test_tabular_file_names_file_and_place_when_it_cannot_be_read(
    tmp_path: Path, name: str, make: Broken, code: str, said: str
) -> None:
    path = tmp_path / name
    make(path)
    with pytest.raises(Invalid, match=said) as caught:
        TabularFile(path, till())
    assert caught.value.code == code
    assert caught.value.message.startswith(str(path))
    assert "CREATE" not in caught.value.message


@pytest.mark.parametrize(
    ("end", "said"),
    [('{"id": "b", "mom', "truncated"), ("nonsense\n", "malformed"), ("[1]\n", "object")],
)
def test_a_line_that_is_no_json_object_is_one_broken_row(
    tmp_path: Path, end: str, said: str
) -> None:
    path = tmp_path / "till.ndjson"
    path.write_text(JSON_ROW + end)
    with TabularFile(path, till()) as table:
        assert table.counts() == (2, 1)
        ((line, error, kept),) = table.broken_lines()
    assert (line, kept) == (2, end.strip())
    assert said in error


def test_tabular_file_finds_the_byte_when_it_stands_beyond_the_first_chunk(tmp_path: Path) -> None:
    path = tmp_path / "till.csv"
    rows = [row(str(n)) for n in range(40_000)]
    path.write_bytes((HEADER + "".join(rows)).encode() + b"b,\xe9\n")
    with pytest.raises(Invalid, match="line 40002: byte 0xe9"):
        TabularFile(path, till())


EXPRESSIONS: list[tuple[str, tuple[str, str], str]] = [
    ("no SQL", ('when = "quantity > 0"', 'when = "quantity >"'), r"kind\[0\]\.when: Parser Error"),
    ("nothing", ('time = "moment"', 'time = " "'), "event.time is empty; write an SQL expression"),
    ("unknown column", ('when = "quantity > 0"', 'when = "amount > 0"'), r"kind\[0\]\.when: .*amount"),
    ("unknown column of a rule", ("sku = 'TEST'", "item = 'TEST'"), r"leave_out\[0\]\.when: .*item"),
    ("unknown function", ('code = "shop"', 'code = "shout(shop)"'), r"location\.code: .*shout"),
    ("no time", ('time = "moment"', 'time = "sku"'), r"till\.csv: .*event\.time: Conversion Error"),
    ("number for a time", ('time = "moment"', 'time = "quantity"'), r"till\.csv: .*event\.time: "),
    ("text for a condition", ('when = "quantity > 0"', 'when = "sku"'), r"till\.csv: .*kind\[0\]\.when: "),
    ("cast that fails", ('quantity = "quantity"', 'quantity = "sku::INTEGER"'),
     r"till\.csv: .*kind\[0\]\.data\.quantity: Conversion Error"),
    ("zone unknown to the reader", ("Europe/Berlin", "localtime"), "localtime"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "said"),
    [entry[1:] for entry in EXPRESSIONS],
    ids=[entry[0] for entry in EXPRESSIONS],
)
def test_tabular_file_names_mapping_and_key_when_an_expression_fails(
    tmp_path: Path, change: tuple[str, str], said: str
) -> None:
    path = write(tmp_path / "till.csv", row())
    with pytest.raises(Invalid, match=said):
        TabularFile(path, till(change))


def test_products_name_the_expression_when_it_fails_on_a_row(tmp_path: Path) -> None:
    mapping = till(('sku = "sku"', 'sku = "sku"\nprice = "sku::INTEGER"'))
    table = TabularFile(write(tmp_path / "till.csv", row()), mapping)
    with pytest.raises(
        Invalid, match=r"till\.csv: mapping 'till', product\.price: Conversion Error"
    ):
        table.products()


@pytest.mark.parametrize(
    "expression",
    [
        "(SELECT content FROM read_text('{secret}'))",
        "(SELECT any_value(column0) FROM read_csv('{secret}', header = false))",
        "(SELECT count(*) FROM glob('{folder}/*'))",
        "(SELECT count(*) FROM '{secret}')",
    ],
)
def test_expressions_reach_no_other_file_when_a_mapping_tries(
    tmp_path: Path, expression: str
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("a secret\n")
    said = expression.format(secret=secret, folder=tmp_path)
    path = write(tmp_path / "till.csv", row())
    with pytest.raises(Invalid, match="disabled by configuration"):
        TabularFile(path, till(('\nid = "id"', f'\nid = "{said}"')))


def test_expressions_cannot_write_or_turn_access_on_when_a_mapping_tries(tmp_path: Path) -> None:
    path = write(tmp_path / "till.csv", row())
    stolen = tmp_path / "stolen.csv"
    for statement in (
        f"1); COPY raw TO '{stolen}'; SELECT (1",
        f"1); ATTACH '{stolen}'; SELECT (1",
        "1); SET enable_external_access = true; SELECT (1",
    ):
        with pytest.raises(Invalid, match=r"event\.id"):
            TabularFile(path, till(('\nid = "id"', f'\nid = "{statement}"')))
    assert not stolen.exists()


def test_counts_add_up_when_lines_are_ragged(tmp_path: Path) -> None:
    rows = (
        row("a"),
        "b,2026-03-01\n",
        row("c"),
        "d,2026-03-01 10:00:00,A,S1,1,1,9,9\n",
        "e,2026-03-01 10:00,A,S",
    )
    table = TabularFile(write(tmp_path / "till.csv", *rows), till())
    assert table.counts() == (5, 3)
    assert [(line, kept) for line, _, kept in table.broken_lines()] == [
        (3, "b,2026-03-01"),
        (5, "d,2026-03-01 10:00:00,A,S1,1,1,9,9"),
        (6, "e,2026-03-01 10:00,A,S"),
    ]


def test_ndjson_is_read_as_text_when_a_late_row_has_another_type(tmp_path: Path) -> None:
    path = tmp_path / "till.ndjson"
    path.write_text(JSON_ROW * 25_000 + JSON_ROW.replace('"quantity":1', '"quantity":"many"'))
    table = TabularFile(path, till())
    rows = [row for chunk in table.event_rows() for row in chunk]
    assert (len(rows), rows[-1]["bad_column"]) == (25_001, "quantity")


@pytest.mark.parametrize("extra", ["row", "line_1", "bad_column", "original", "left_out", "rule"])
def test_a_column_of_the_file_may_have_a_name_that_we_use(tmp_path: Path, extra: str) -> None:
    path = write(tmp_path / "till.csv", f"7,{row()}", header=f"{extra},{HEADER}")
    rows = next(TabularFile(path, till()).event_rows())
    assert [(entry["id"], entry["row"], entry["data.quantity"]) for entry in rows] == [
        ("a", 1, "1.0")
    ]


def test_products_take_the_most_frequent_value_when_rows_differ(tmp_path: Path) -> None:
    mapping = till(('sku = "sku"', 'sku = "sku"\nname = "line"'))
    rows = [row("a", line="x"), row("b", line="y"), row("c", line="y"), row("d", sku="TEST")]
    table = TabularFile(write(tmp_path / "till.csv", *rows), mapping)
    assert table.products() == [{"sku": "A", "name": "y"}]
    assert table.left_out() == {"a test ring": 1}
