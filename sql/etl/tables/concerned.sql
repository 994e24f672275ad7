-- DuckDB. The movements that touched rows of a table are made of. A correction has the kind of what it reverses.
FROM all_movements
WHERE {is_touched} AND kind IN (SELECT kind FROM event_kinds WHERE {of})
