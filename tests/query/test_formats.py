"""Results in every form: nothing is lost, whatever types a statement gives."""

import io
import json

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet
import pytest

from query.formats import MEDIA, Format, written
from query.jail.orders import Result

ODD = pa.table(
    {
        "text": pa.array(['a "quoted", line\nbreak', None, "é😀"]),
        "big": pa.array([2**63 - 1, None, -(2**63)]),
        "real": pa.array([0.1, float("nan"), float("inf")]),
        "yes": pa.array([True, None, False]),
        "parts": pa.array([[1, 2], [], None], pa.list_(pa.int32())),
        "pair": pa.array([{"a": 1}, None, {"a": None}], pa.struct({"a": pa.int8()})),
        "raw": pa.array([b"\x00\xff", None, b""]),
        "day": pa.array([0, None, 20_000], pa.int32()).cast(pa.date32()),
        "at": pa.array([0, None, 10**15], pa.timestamp("us", "UTC")),
        "span": pa.array([None, pa.MonthDayNano([1, 2, 3]), None], pa.month_day_nano_interval()),
    }
)


def result_of(table: pa.Table) -> Result:
    spool = io.BytesIO()
    with pa.ipc.new_stream(spool, table.schema) as stream:
        stream.write_table(table)
    return Result(spool, rows=len(table), found=len(table))


@pytest.mark.parametrize("form", list(MEDIA))
@pytest.mark.parametrize("rows", [0, 3])
def test_odd_types_are_written_in_every_form(form: Format, rows: int) -> None:
    with written(result_of(ODD.slice(0, rows)), form) as file:
        content = file.read()
    if form == "json":
        document = json.loads(content)
        assert len(document["rows"]) == rows
        assert [column["name"] for column in document["columns"]] == ODD.column_names
    elif form == "csv":
        assert len(pa_csv.read_csv(io.BytesIO(content), parse_options=LINES)) == rows
    elif form == "parquet":
        read = pa_parquet.read_table(io.BytesIO(content)).drop(["span"])
        assert str(read.to_pydict()) == str(ODD.slice(0, rows).drop(["span"]).to_pydict())
    else:
        read = pa.ipc.open_stream(content).read_all()
        assert str(read.to_pydict()) == str(ODD.slice(0, rows).to_pydict())


LINES = pa_csv.ParseOptions(newlines_in_values=True)


@pytest.mark.parametrize("form", list(MEDIA))
def test_two_columns_of_one_name_both_come_out(form: Format) -> None:
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    with written(result_of(table), form) as file:
        content = file.read()
    if form == "json":
        assert json.loads(content)["rows"] == [[1, 2]]
    elif form == "csv":
        assert content.decode().splitlines()[1] == "1,2"
    elif form == "parquet":
        assert pa_parquet.read_table(io.BytesIO(content)).to_pydict() == {"a": [1], "a_2": [2]}
