-- DuckDB. The values of {columns} that new movements tell of.
SELECT DISTINCT {columns} FROM fresh WHERE {columns_known}
