-- DuckDB. All rows of a month as they are to be: those that nothing touched, and what is wanted of the others.
SELECT {columns} FROM rest WHERE month = '{month}'
UNION ALL
SELECT {columns} FROM wanted WHERE month = '{month}'
ORDER BY {order}
