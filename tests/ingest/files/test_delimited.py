"""Delimited files: the dialect is declared or found on the whole file, and a bad row changes no other row."""

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.files.dialect import FileOptions
from ingest.files.source_file import open_source
from stocktide.foundation.errors import Invalid

NAMES = ["id", "sku", "name"]
quick = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200)
cells = st.text(st.sampled_from("aé 7,;|\t\"#\\'.-"), max_size=6)
tables = st.lists(st.lists(cells, min_size=3, max_size=3), min_size=2, max_size=8)


def read(
    path: Path, content: str | bytes, **options: Any
) -> tuple[list[list[str | None]], list[tuple[int, int, str]]]:
    """The cells of the rows, and number, line and text of what is no row."""
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    source = open_source(path, FileOptions(**options), NAMES)
    rows = [[row[name] for name in NAMES] for row in source.dicts()]
    return rows, [(number, broken.line, broken.text) for number, broken in source.broken]


def written(rows: list[list[str]], **how: Any) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n", **how).writerows([NAMES, *rows])
    return text.getvalue()


def as_read(rows: list[list[str]]) -> list[list[str | None]]:
    return [[cell or None for cell in row] for row in rows]


@quick
@given(tables, st.sampled_from(",;|\t"), st.booleans(), st.sampled_from(["\n", "\r\n", "\r"]))
def test_what_is_written_is_read_whatever_the_delimiter_and_the_line_ends(
    tmp_path: Path, rows: list[list[str]], delimiter: str, always: bool, ends: str
) -> None:
    text = written(
        rows, delimiter=delimiter, quoting=csv.QUOTE_ALL if always else csv.QUOTE_MINIMAL
    )
    path = tmp_path / "a.csv"
    # a backslash before a quote could be an escape: here it is none, and said so
    assert read(path, text.replace("\n", ends), escape='"') == (as_read(rows), [])


@quick
@given(tables, st.data())
def test_one_quote_too_many_or_too_few_breaks_one_row_and_changes_no_other(
    tmp_path: Path, rows: list[list[str]], data: st.DataObject
) -> None:
    lines = written(rows, quoting=csv.QUOTE_ALL).splitlines(keepends=True)
    bad = data.draw(st.integers(1, len(lines) - 1))
    line = lines[bad]
    at = data.draw(st.integers(0, len(line) - 1))
    lines[bad] = line[:at] + line[at + 1 :] if line[at] == '"' else line[:at] + '"' + line[at:]
    found, broken = read(tmp_path / "a.csv", "".join(lines), escape='"')
    others = as_read(rows[: bad - 1] + rows[bad:])
    assert len(found) + len(broken) == len(rows)
    if broken:
        assert [number for number, _, _ in broken] == [bad]
        assert found == others
    else:  # the quote stands where it may
        assert found[: bad - 1] + found[bad:] == others


@quick
@given(tables, st.data())
def test_a_file_that_is_cut_off_keeps_every_row_before(
    tmp_path: Path, rows: list[list[str]], data: st.DataObject
) -> None:
    text = written(rows, quoting=csv.QUOTE_ALL)
    last = text.rstrip("\n").rindex("\n") + 1
    cut = data.draw(st.integers(last + 1, len(text) - 1))
    found, broken = read(tmp_path / "a.csv", text[:cut], escape='"')
    assert found[: len(rows) - 1] == as_read(rows[:-1])
    assert len(found) + len(broken) == len(rows)


def test_quoted_fields_late_in_the_file_are_quoted_fields(tmp_path: Path) -> None:
    plain = "".join(f"{n},A,Apples\n" for n in range(45_000))
    rows, broken = read(tmp_path / "a.csv", "id,sku,name\n" + plain + 'x,"A-1","Apples, ""red"""\n')
    assert (len(rows), rows[-1], broken) == (45_001, ["x", "A-1", 'Apples, "red"'], [])


def test_a_newline_in_quotes_belongs_to_its_field_also_at_the_end_of_a_part(tmp_path: Path) -> None:
    some = '1,A,"two\nlines"\n'
    rows, broken = read(tmp_path / "a.csv", "id,sku,name\n" + some * 15_000 + "2,B,b\n")
    assert (len(rows), rows[0], rows[-1]) == (15_001, ["1", "A", "two\nlines"], ["2", "B", "b"])
    assert broken == []


def test_rows_between_two_stray_quotes_stay_rows(tmp_path: Path) -> None:
    text = 'id,sku,name\n1,A,"Apples\n2,B,Bread\n3,C,Cream\n4,D,Dates"\n5,E,Eggs\n'
    rows, broken = read(tmp_path / "a.csv", text)
    assert [row[0] for row in rows] == ["2", "3", "4", "5"]
    assert broken == [(1, 2, '1,A,"Apples')]


CONTENT: list[tuple[str, str | bytes, dict[str, Any]]] = [
    ("mixed line ends", "id,sku,name\r\n1,A,a\n2,B,b\r\n", {}),
    ("rows put together by CR", "id,sku,name\n1,A,a\r2,B,b\n", {}),
    ("byte-order mark", b"\xef\xbb\xbfid,sku,name\n1,A,a\n2,B,b\n", {}),
    ("UTF-16", "id,sku,name\n1,A,a\n2,B,b\n".encode("utf-16"), {}),
    ("UTF-16, big end first", b"\xfe\xff" + "id;sku;name\n1;A;a\n2;B;b\n".encode("utf-16-be"), {}),
    ("UTF-16 declared", "id,sku,name\n1,A,a\n2,B,b".encode("utf-16-le"), {"encoding": "utf-16-le"}),
    ("declared, with a mark", b"\xef\xbb\xbf\"id\",sku,name\n1,A,a\n2,B,b\n", {"encoding": "utf-8"}),
    ("a title above", "Sales of March\n\nid;sku;name\n1;A;a\n2;B;b\n", {}),
    ("a title with empty cells", "Sales;;\n;;\nid;sku;name\n1;A;a\n2;B;b\n", {}),
    ("a separator told", "sep=;\nid;sku;name\n1;A;a\n2;B;b\n", {}),
    ("lines to skip", "id,sku,name\nid,sku,name\n1,A,a\n2,B,b\n", {"skip_lines": 1}),
    ("comments declared", "# one\nid,sku,name\n1,A,a\n# two, three\n2,B,b\n#", {"comment": "#"}),
    ("blank lines", "\nid,sku,name\n\n1,A,a\n\n\n2,B,b\n\n", {}),
    ("spaces around names", "id, sku , name\n1,A,a\n2,B,b\n", {}),
    ("an empty name", "id,sku,name,\n1,A,a,\n2,B,b,\n", {}),
    ("another quote", "id,sku,name\n'1',A,a\n2,'B',b\n", {"quote": "'"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("content", "options"), [c[1:] for c in CONTENT], ids=[c[0] for c in CONTENT]
)
def test_rows_are_read_when_a_file_is_written_otherwise(
    tmp_path: Path, content: str | bytes, options: dict[str, Any]
) -> None:
    rows, broken = read(tmp_path / "a.csv", content, **options)
    assert (rows, broken) == ([["1", "A", "a"], ["2", "B", "b"]], [])


def test_rows_above_a_second_header_are_not_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,item,name\n1,A,a\nid,sku,name\n2,B,b\n")
    source = open_source(path, FileOptions(), NAMES)
    assert (source.names, source.dialect.header_line) == (["id", "item", "name"], 1)  # type: ignore[union-attr]


def test_quotes_are_text_when_it_is_declared_that_there_are_none(tmp_path: Path) -> None:
    rows, broken = read(tmp_path / "a.tsv", 'id\tsku\tname\n1\tTV\t"19" TV"\n', quote="")
    assert (rows, broken) == ([["1", "TV", '"19" TV"']], [])


def test_a_backslash_escapes_where_the_whole_file_says_so(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    plain = "".join(f'{n},"A","a"\n' for n in range(25_000))
    rows, broken = read(path, "id,sku,name\n" + plain + '1,"A","19\\" TV, red"\n')
    assert (rows[-1], broken) == (["1", "A", '19" TV, red'], [])
    rows, broken = read(path, 'id,sku,name\n1,"A","C:\\"\n2,"B","b"\n')
    assert (rows, broken) == ([["1", "A", "C:\\"], ["2", "B", "b"]], [])


def test_a_comment_that_nobody_declared_is_a_row_or_a_broken_one(tmp_path: Path) -> None:
    rows, broken = read(tmp_path / "a.csv", "id,sku,name\n#1,A,a\n# bye\n")
    assert (rows, broken) == ([["#1", "A", "a"]], [(2, 3, "# bye")])


@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_ragged_rows_are_one_broken_row_each_with_their_text(tmp_path: Path, ends: str) -> None:
    lines = ["id,sku,name", "1,A", "2,B,b", "3,C,c,d", '4,"two', 'lines"', "5,E,e"]
    rows, broken = read(tmp_path / "a.csv", ends.join(lines))
    assert [row[0] for row in rows] == ["2", "5"]
    assert broken == [(1, 2, "1,A"), (3, 4, "3,C,c,d"), (4, 5, f'4,"two{ends}lines"')]


def test_a_column_that_stands_twice_is_refused_with_its_name(tmp_path: Path) -> None:
    with pytest.raises(Invalid, match=r"a\.csv, line 1: 'sku' stands 2 times in the header"):
        read(tmp_path / "a.csv", "id,sku,name,sku\n1,A,a,B\n")


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_another_encoding_is_read_when_declared_and_named_when_not(
    tmp_path: Path, encoding: str
) -> None:
    content = "id,sku,name\n1,A,Süß\n".encode(encoding)
    with pytest.raises(Invalid, match=r'line 2: byte 0xfc is not UTF-8.*encoding = "cp1252"'):
        read(tmp_path / "a.csv", content)
    assert read(tmp_path / "a.csv", content, encoding=encoding) == ([["1", "A", "Süß"]], [])


def test_the_dialect_is_shown_with_what_was_found(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfReport\r\nid;sku;name\r\n1;A;a\n")
    shown = open_source(path, FileOptions(decimal=","), NAMES).dialect.shown()  # type: ignore[union-attr]
    assert shown == {
        "encoding": "utf-8", "delimiter": ";", "quote": '"', "escape": "doubled quote", "comment": "",
        "decimal": ",", "thousands": "", "newline": "CRLF (2), LF (1)", "header_line": 2,
        "found": ["encoding", "delimiter", "escape", "header_line", "newline"],
    }  # fmt: skip


def test_packed_text_is_read_and_a_cut_one_refused(tmp_path: Path) -> None:
    packed = gzip.compress(b"id\tsku\tname\n" + b"1\tA\ta\n" * 1000)
    rows, broken = read(tmp_path / "a.tsv.gz", packed)
    assert (len(rows), rows[0], broken) == (1000, ["1", "A", "a"], [])
    with pytest.raises(Invalid, match=r"a\.tsv\.gz: it cannot be unpacked"):
        read(tmp_path / "a.tsv.gz", packed[:-20])
    with pytest.raises(Invalid, match=r"a\.csv\.gz: it cannot be unpacked"):
        read(tmp_path / "a.csv.gz", b"id,sku,name\n")


@pytest.mark.parametrize(
    ("name", "said"), [("a.xlsx", "save its sheet as"), ("a.parquet.gz", r"\.parquet\.gz;")]
)
def test_a_type_that_is_not_read_says_what_to_do(tmp_path: Path, name: str, said: str) -> None:
    with pytest.raises(Invalid, match=said):
        read(tmp_path / name, b"x")


@quick
@given(
    st.lists(st.sampled_from(["1", "2", '"a\nb,c"']), max_size=8),
    st.lists(st.sampled_from(["Total;;", "Total", "page 1, of 2", '"']), max_size=3),
    st.lists(st.sampled_from(["", "  "]), max_size=2),
)
def test_a_declared_footer_is_no_row(
    tmp_path: Path, ids: list[str], footer: list[str], blank: list[str]
) -> None:
    path = tmp_path / "export.csv"
    lines = [",".join(NAMES), *(f"{cell},x,y" for cell in ids), *blank, *footer, *blank]
    found, broken = read(path, "\n".join(lines) + "\n", skip_footer=len(footer))
    assert found == [[cell.strip('"'), "x", "y"] for cell in ids]
    assert [text for _, _, text in broken if text.strip()] == []
