-- Indexes that no constraint keeps.
SELECT i.indrelid::regclass::text AS of_table, c.relname AS name, pg_get_indexdef(c.oid, 0, true) AS definition,
       obj_description(c.oid, 'pg_class') AS comment
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
WHERE c.relnamespace = 'public'::regnamespace
  AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.conindid = c.oid AND k.contype IN ('p', 'u', 'x'))
ORDER BY 1, c.relname
