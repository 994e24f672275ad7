"""The expressions of a mapping checked without a file."""

import duckdb

from ingest.files.column_types import sql_type
from ingest.files.expressions import expressions_of, refuse_empty
from ingest.files.mapping import Mapping
from ingest.files.parquet_rows import about_input
from ingest.files.raw_table import NUMBER, quoted
from stocktide.foundation.errors import Invalid


def check_expressions(mapping: Mapping) -> None:
    """Raise Invalid for an expression that DuckDB does not understand over columns of the declared types."""
    with duckdb.connect() as connection:
        columns = "".join(f", {quoted(c)} {sql_type(kind)}" for c, kind in mapping.columns.items())
        has_line = any(c.lower() == "line" for c in mapping.columns)
        line = "" if has_line else ", line BIGINT"
        connection.execute(f"CREATE TEMP TABLE lined ({NUMBER} BIGINT{columns}{line})")
        connection.execute("SET enable_external_access = false")
        for place, sql, target in expressions_of(mapping):
            refuse_empty(mapping, place, sql)
            try:
                connection.execute(f"SELECT ({sql})::{target} FROM lined")  # noqa: S608 - the operator's own
            except duckdb.Error as error:
                said = f"mapping {mapping.name!r}, {place}: {about_input(error)}"
                raise Invalid("mapping_expression", said) from None
