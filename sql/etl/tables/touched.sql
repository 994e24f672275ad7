-- DuckDB. The values of {columns} that new movements tell of, of the kinds that a table is made of.
SELECT DISTINCT {columns}
FROM fresh
WHERE {columns_known} AND kind IN (SELECT kind FROM event_kinds WHERE {of})
