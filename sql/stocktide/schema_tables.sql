-- Our tables, views and free-standing sequences: not the library's queue, Alembic's table, or partitions, made by month.
SELECT c.relname AS name,
       CASE c.relkind WHEN 'v' THEN 'view' WHEN 'S' THEN 'sequence' ELSE 'table' END AS kind,
       obj_description(c.oid, 'pg_class') AS comment,
       pg_get_partkeydef(c.oid) AS partitioned,
       array_to_string(c.reloptions, ', ') AS options,
       c.relpersistence = 'u' AS unlogged,
       (SELECT q.seqincrement FROM pg_sequence q WHERE q.seqrelid = c.oid) AS increment,
       CASE WHEN c.relkind = 'v' THEN pg_get_viewdef(c.oid, true) END AS definition
FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
  AND c.relname !~ '^(procrastinate|alembic_version)'
  AND (c.relkind IN ('r', 'p', 'v')
       OR c.relkind = 'S' AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype IN ('a', 'i')))
ORDER BY c.relname
