-- The columns of all tables that hold a key of products or locations, by their names; a partition stands under its table.
SELECT c.relname AS table_name, a.attname AS column_name
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace
  AND c.relkind IN ('r', 'p')
  AND NOT c.relispartition
  AND NOT a.attisdropped
  AND a.attname = ANY(CAST(:columns AS text[]))
  AND c.relname <> :table
ORDER BY 1, 2
