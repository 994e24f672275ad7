"""Results as JSON, CSV, Parquet and Arrow. All but JSON are written row group by row group, whatever their size."""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from typing import IO, Any, Literal

import msgspec
import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from query.jail.orders import Result

Format = Literal["json", "csv", "parquet", "arrow"]
MEDIA: dict[Format, str] = {
    "json": "application/json",
    "csv": "text/csv",
    "parquet": "application/vnd.apache.parquet",
    "arrow": "application/vnd.apache.arrow.stream",
}
PIECE_BYTES = 2**18
# Types that CSV has no cell for.
PARTED = (pa.types.is_nested, pa.types.is_interval, pa.types.is_binary)


def _unusual(value: Any) -> Any:
    """Return what JSON has for a value of a type that it does not know."""
    return value.total_seconds() if isinstance(value, timedelta) else str(value)


ENCODER = msgspec.json.Encoder(enc_hook=_unusual, decimal_format="number")


def as_json(result: Result) -> bytes:
    """Write a result as one document: columns with types, rows as lists, and how many rows there are in all."""
    reader = result.reader()
    names = reader.schema.names
    rows = [list(row) for batch in reader for row in _rows_of(batch)]
    document = {
        "columns": [
            {"name": name, "type": str(reader.schema.field(n).type)} for n, name in enumerate(names)
        ],
        "rows": rows,
        "shown": result.rows,
        "found": result.found,
        "complete": not result.cut,
        "seconds": round(result.seconds, 3),
        "reads": list(result.reads),
        **result.said,
    }
    return ENCODER.encode(document)


def _rows_of(batch: pa.RecordBatch) -> Iterator[tuple[Any, ...]]:
    # by position: two columns may have one name
    columns = [batch.column(n).to_pylist() for n in range(batch.num_columns)]
    return zip(*columns, strict=True) if columns else iter(())


def written(result: Result, form: Format) -> IO[bytes]:
    """Write a result to a file without a name, from its beginning; the caller closes it, and the result's own."""
    if form == "arrow":
        result.spool.seek(0)
        return result.spool
    file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    if form == "json":
        file.write(as_json(result))
    else:
        _write_table(result.reader(), form, file)
    file.seek(0)
    return file


def _write_table(reader: pa.RecordBatchReader, form: Format, file: IO[bytes]) -> None:
    schema = _flat(reader.schema) if form == "csv" else _unique(reader.schema)
    sink = pa.PythonFile(file, "w")
    kind = pa_csv.CSVWriter if form == "csv" else pa_parquet.ParquetWriter
    with kind(sink, schema) as writer:
        for batch in reader:
            arrays = [
                _cast(column, field) for column, field in zip(batch.columns, schema, strict=True)
            ]
            writer.write_batch(pa.RecordBatch.from_arrays(arrays, schema=schema))


def _flat(schema: pa.Schema) -> pa.Schema:
    """Return a schema that CSV can hold: what has parts is a text of JSON."""
    return pa.schema(
        [pa.field(f.name, pa.string() if _has_parts(f.type) else f.type) for f in schema]
    )


def _unique(schema: pa.Schema) -> pa.Schema:
    """Return a schema whose names are all different: a Parquet file with two of one name cannot be read."""
    seen: dict[str, int] = {}
    fields = []
    for one in schema:
        seen[one.name] = seen.get(one.name, 0) + 1
        name = one.name if seen[one.name] == 1 else f"{one.name}_{seen[one.name]}"
        fields.append(pa.field(name, pa.string() if pa.types.is_interval(one.type) else one.type))
    return pa.schema(fields)


def _has_parts(kind: pa.DataType) -> bool:
    return any(is_kind(kind) for is_kind in PARTED)


def _cast(column: pa.Array, field: pa.Field) -> pa.Array:
    if column.type == field.type:
        return column
    texts = [None if value is None else _text(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def _text(value: Any) -> str:
    if isinstance(value, bytes):
        return value.hex()
    return ENCODER.encode(value).decode()


def pieces(file: IO[bytes]) -> Iterator[bytes]:
    """Read a file piece by piece, and close it."""
    with file:
        while piece := file.read(PIECE_BYTES):
            yield piece
