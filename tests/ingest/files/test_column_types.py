"""A cell is taken whole as its declared type, or refused with column, row, value and the accepted forms."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.files.importing import dry_run_file
from ingest.files.mapping import parse_mapping
from ingest.files.tabular import TabularFile
from stocktide.foundation.settings import Settings
from tests.ingest.tills import TILL, row, write

BERLIN = ZoneInfo("Europe/Berlin")
slow = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None
)
moments = st.datetimes(datetime.fromisoformat("1995-01-01"), datetime.fromisoformat("2037-01-01"))


def converted(folder: Path, kind: str, cells: Sequence[str], file: str = "") -> list[Any]:
    """What cells become, and "refused" for those that are not taken."""
    text = f'[columns]\ncell = "{kind}"\n[event]\nid = "line"\ntime = "now()"\n'
    text = f'name = "t"\ntimezone = "Europe/Berlin"\nsource = "t"\n{text}{file}'
    kept = "cell::TIMESTAMPTZ" if kind.startswith("TIMESTAMP") else "cell"
    text += f'[product]\nsku = "{kept}"\n[location]\ncode = "1"\n[[kind]]\nkind = "sale"\nwhen = "true"\n[kind.data]\n'
    path = folder / "cells.tsv"
    path.write_text("cell\n" + "".join(f"{cell}\n" for cell in cells), "utf-8")
    with TabularFile(path, parse_mapping(text, "t.toml")) as table:
        rows = [row for chunk in table.event_rows() for row in chunk]
    return ["refused" if row["bad_column"] else row["product.sku"] for row in rows]


def instants(folder: Path, kind: str, cells: Sequence[str]) -> list[Any]:
    return [
        found if found in ("refused", None) else datetime.fromisoformat(found).astimezone(UTC)
        for found in converted(folder, kind, cells)
    ]


@slow
@given(st.lists(st.tuples(moments, st.integers(-14 * 4, 14 * 4)), min_size=1, max_size=20), st.sampled_from("T "),
       st.sampled_from(["%z", " %z", "%:z", " %:z"]))  # fmt: skip
def test_a_time_with_an_offset_is_that_instant(
    tmp_path: Path, times: list[tuple[datetime, int]], between: str, form: str
) -> None:
    told = [at.replace(tzinfo=timezone(timedelta(minutes=15 * q))) for at, q in times]
    cells = []
    for at in told:
        offset = at.strftime("%z")
        offset = f"{offset[:3]}:{offset[3:]}" if ":" in form else offset
        cells.append(
            at.strftime(f"%Y-%m-%d{between}%H:%M:%S.%f") + (" " if form[0] == " " else "") + offset
        )
    assert instants(tmp_path, "TIMESTAMPTZ", cells) == [at.astimezone(UTC) for at in told]
    for at, found in zip(told, instants(tmp_path, "TIMESTAMP", cells), strict=True):
        # a local time that two instants have cannot stand for one of them
        local = at.astimezone(BERLIN).replace(tzinfo=None)
        twice = (
            local.replace(tzinfo=BERLIN, fold=0).utcoffset()
            != local.replace(tzinfo=BERLIN, fold=1).utcoffset()
        )
        assert found == at.astimezone(UTC) or (found == "refused" and twice)


@slow
@given(st.lists(moments, min_size=1, max_size=20), st.sampled_from(["TIMESTAMP", "TIMESTAMPTZ"]),
       st.sampled_from(["%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%dT%H:%M:%S.%f", "%Y/%m/%d %I:%M:%S.%f %p",
                        "%Y-%m-%dT%I:%M:%S.%f%p"]))  # fmt: skip
def test_a_local_time_is_of_the_mappings_zone_with_am_and_pm(
    tmp_path: Path, times: list[datetime], kind: str, form: str
) -> None:
    for at, found in zip(
        times, instants(tmp_path, kind, [at.strftime(form) for at in times]), strict=True
    ):
        right = {at.replace(tzinfo=BERLIN, fold=fold).astimezone(UTC) for fold in (0, 1)}
        skipped = all(one.astimezone(BERLIN).replace(tzinfo=None) != at for one in right)
        assert found == "refused" if skipped else found in right


@slow
@given(st.lists(st.decimals(-10**9, 10**9, places=3), min_size=1, max_size=20),
       st.sampled_from([(".", ""), (".", ","), (",", "."), (",", " "), (".", "'"), (",", "")]),
       st.booleans())  # fmt: skip
def test_a_number_is_exact_with_declared_marks(
    tmp_path: Path, numbers: list[Decimal], marks: tuple[str, str], grouped: bool
) -> None:
    decimal, thousands = marks
    swap = str.maketrans({",": thousands, ".": decimal})
    cells = [f"{n:,f}" if grouped else f"{n:f}" for n in numbers]
    cells = [cell.translate(swap) for cell in cells]
    file = f'[file]\ndelimiter = "\\t"\ndecimal = "{decimal}"\nthousands = "{thousands}"\n'
    found = converted(tmp_path, "DOUBLE", cells, file)
    assert [Decimal(cell) for cell in found] == numbers


TAKEN: list[tuple[str, str, Any]] = [
    ("BIGINT", "12", "12"), ("BIGINT", "-3.0", "-3"), ("BIGINT", "1.5", "refused"), ("BIGINT", "1e3", "refused"),
    ("BIGINT", "9223372036854775807", "9223372036854775807"), ("BIGINT", "9223372036854775808", "refused"),
    ("BIGINT", "1_000", "refused"), ("BIGINT", "\uff11\uff12", "refused"), ("BIGINT", "1,000", "refused"),
    ("DOUBLE", "0.1", "0.1"), ("DOUBLE", " 2 ", "2.0"), ("DOUBLE", "0.30000000000000004", "0.30000000000000004"),
    ("DOUBLE", "12345678901234567.123", "refused"), ("DOUBLE", "1_0", "refused"), ("DOUBLE", "€5", "refused"),
    ("DOUBLE", "5 EUR", "refused"), ("DOUBLE", "(5)", "refused"), ("DOUBLE", "5-", "refused"),
    ("DOUBLE", "5%", "refused"),
    ("DOUBLE", "0x1F", "refused"), ("DOUBLE", "1e3", "1000.0"), ("DOUBLE", "1,5", "refused"), ("DOUBLE", "", None),
    ("BOOLEAN", "Yes", "true"), ("BOOLEAN", "0", "false"), ("BOOLEAN", "2", "refused"), ("BOOLEAN", "maybe", "refused"),
    ("DATE", "2026-03-01", "2026-03-01"), ("DATE", "2026/3/1", "2026-03-01"),
    ("DATE", "2026-03-01 00:00:00", "2026-03-01"),
    ("DATE", "2026-03-01 23:30", "refused"), ("DATE", "26-03-01", "refused"), ("DATE", "01.03.2026", "refused"),
    ("DATE", "2026-02-30", "refused"), ("DATE", "2026-03-01 (BC)", "refused"), ("DATE", "3/1/26", "refused"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "cell", "right"), TAKEN)
def test_a_cell_is_taken_whole_or_refused(tmp_path: Path, kind: str, cell: str, right: Any) -> None:
    assert converted(tmp_path, kind, [cell or " "]) == [right]


@pytest.mark.parametrize(
    "cell",
    ["26-03-01 10:00", "2026-03-01 13:15 PM", "2026-03-01 10:00 XX", "11/8/2018", "2026-03-01 10:00:00.1234567",
     "2026-03-29 02:30:00", "2026-03-01 10", "2026-13-01 10:00", "2026-03-01 25:00", "20260301 1000",
     "2026-03-01 10:00 +99:00", "2026-03-01 10:00 Nowhere/City", "1772355600", "2026-03-01 10:00 and more"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["TIMESTAMP", "TIMESTAMPTZ"])
def test_a_time_that_is_not_one_is_refused(tmp_path: Path, kind: str, cell: str) -> None:
    assert converted(tmp_path, kind, [cell]) == ["refused"]


@pytest.mark.parametrize(
    ("cells", "right"),
    [
        (["1,5", "1.234", "1.234,5", "7"], ["refused", "refused", "refused", "7.0"]),
        (["1,5", "1.234", "2.50"], ["refused", "1.234", "2.5"]),
        (["1.234", "0.500"], ["1.234", "0.5"]),
    ],
)
def test_a_point_that_may_part_thousands_is_refused_where_the_file_writes_commas(
    tmp_path: Path, cells: list[str], right: list[str]
) -> None:
    assert converted(tmp_path, "DOUBLE", cells) == right


def message(folder: Path, kind: str, cell: object, suffix: str) -> str:
    """The example of a dry run on a file with one bad row, the second."""
    text = TILL.replace('quantity = "DOUBLE"', f'quantity = "{kind}"').replace(
        "quantity > 0", "true"
    )
    text = text.replace('quantity = "quantity"', 'quantity = "1"')
    values = [
        {
            "id": n,
            "moment": "2026-03-01 10:00",
            "sku": "A",
            "shop": "S1",
            "quantity": v,
            "line": "1",
        }
        for n, v in (("a", None), ("b", cell))
    ]
    path = folder / f"till{suffix}"
    frame = pd.DataFrame(values)
    if suffix == ".csv":
        frame.to_csv(path, index=False)
    elif suffix == ".parquet":
        frame.to_parquet(path)
    else:
        path.write_text("\n".join(map(json.dumps, values)))
    _, tally = dry_run_file(path, parse_mapping(text, "till.toml"), Settings())
    assert tally.rejected == {"wrong_type": 1}
    return tally.examples["wrong_type"]


@pytest.mark.parametrize("suffix", [".csv", ".ndjson", ".parquet"])
@pytest.mark.parametrize(
    ("kind", "cell", "said"),
    [
        ("DOUBLE", "1,5", "'1,5' is not a DOUBLE; accepted: 1234.5"),
        ("DOUBLE", "$5", "leave the currency out"),
        ("BIGINT", "1.5", "for parts declare it DOUBLE"),
        ("TIMESTAMP", "11/8/2018", "accepted: 2026-03-01 21:15"),
        ("DATE", "2026-03-01 23:30", "a time of day would be lost"),
    ],
)
def test_a_refusal_names_row_column_value_and_forms_in_every_format(
    tmp_path: Path, suffix: str, kind: str, cell: str, said: str
) -> None:
    found = message(tmp_path, kind, cell, suffix)
    line = {".csv": "line 3 of the file: ", ".ndjson": "line 2 of the file: ", ".parquet": ""}[
        suffix
    ]
    assert found.startswith(f"till{suffix}, row 2: {line}column quantity: ")
    assert said in found


def test_a_fraction_in_parquet_is_not_rounded_to_a_whole_number(tmp_path: Path) -> None:
    assert "'1.5' is not a BIGINT" in message(tmp_path, "BIGINT", 1.5, ".parquet")


def test_a_number_in_lines_of_json_keeps_all_its_digits(tmp_path: Path) -> None:
    path = tmp_path / "till.ndjson"
    path.write_text(
        '{"id":12345678901234567890,"moment":"2026-03-01 10:00","sku":1.10,"shop":"S1","quantity":1,"line":1}\n'
    )
    sample, _ = dry_run_file(path, parse_mapping(TILL, "till.toml"), Settings())
    assert (sample[0]["id"], sample[0]["data"]["product"]) == ("12345678901234567890", "1.10")


def test_a_local_hour_that_clocks_pass_twice_is_told(tmp_path: Path) -> None:
    moments = [
        "2026-10-25 01:59",
        "2026-10-25 02:30",
        "2026-10-25 03:00",
        "2026-10-25 02:30+01:00",
        "2026-03-29 03:00",
    ]
    mapping = parse_mapping(TILL.replace('"TIMESTAMP"', '"TIMESTAMPTZ"'), "till.toml")
    lines = [row(str(n), moment=moment) for n, moment in enumerate(moments)]
    sample, tally = dry_run_file(write(tmp_path / "till.csv", *lines), mapping, Settings())
    assert (sample[1]["time"], sample[3]["time"]) == ("2026-10-25T02:30:00+01:00",) * 2
    (warning,) = tally.warnings
    assert warning.startswith(
        "event.time: 1 rows stand in an hour that clocks in Europe/Berlin pass twice"
    )
    assert "row 2;" in warning


money = st.decimals(Decimal("-99999"), Decimal("99999"), places=2)


@slow
@given(st.lists(st.tuples(money, st.integers(1, 500), money), min_size=1, max_size=20))
def test_what_is_computed_of_decimals_is_exact(
    tmp_path: Path, lines: list[tuple[Decimal, int, Decimal]]
) -> None:
    path = tmp_path / "lines.csv"
    path.write_text("p,q,d\n" + "".join(f"{p},{q},{d}\n" for p, q, d in lines))
    computed = "p * q - d * 0.85"
    text = f"""name = "t"
timezone = "UTC"
source = "t"
columns = {{p = "DECIMAL", q = "BIGINT", d = "DECIMAL"}}
event = {{id = "{computed}", time = "now()"}}
product = {{sku = "p"}}
location = {{code = "1"}}
kind = [{{kind = "sale", when = "true", data = {{}}}}]"""
    with TabularFile(path, parse_mapping(text, "t.toml")) as table:
        found = [row["id"] for chunk in table.event_rows() for row in chunk]
    assert [Decimal(text) for text in found] == [p * q - d * Decimal("0.85") for p, q, d in lines]
    assert not any(text.endswith("00") for text in found if "." in text)


@pytest.mark.parametrize(
    ("cell", "right"),
    [
        ("1234.5", "1234.5"),
        ("-0.100000000", "-0.1"),
        ("+5", "5.0"),
        ("0.0000001", "refused"),
        ("1e3", "refused"),
        ("1234567890123", "refused"),
        ("1,5", "refused"),
    ],
)
def test_a_decimal_is_taken_whole_or_refused(tmp_path: Path, cell: str, right: str) -> None:
    assert converted(tmp_path, "DECIMAL", [cell]) == [right]


def test_decimals_that_doubles_make_are_told_with_the_way_out(tmp_path: Path) -> None:
    path = write(tmp_path / "till.csv", row(quantity="4.35"))
    mapping = parse_mapping(
        TILL.replace('order_line = "line"', 'line_total = "quantity * 3 - 1.31"'), "till.toml"
    )
    tally = dry_run_file(path, mapping, Settings())[1]
    [message] = tally.examples.values()
    assert "line_total has more than 6 decimals: 11.739999999999998; round it." in message
    assert "kind[0].data.line_total = 'quantity * 3 - 1.31' computes with doubles" in message
    assert "declare its columns DECIMAL" in message
