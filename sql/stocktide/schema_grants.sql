-- Grants of the pages' role: a whole table, or some of its columns.
SELECT c.relname AS of_table, NULL AS columns
FROM pg_class c, aclexplode(c.relacl) g
WHERE c.relnamespace = 'public'::regnamespace AND NOT c.relispartition
  AND g.grantee = 'stocktide_reader'::regrole AND g.privilege_type = 'SELECT'
UNION ALL
SELECT c.relname, string_agg(a.attname, ', ' ORDER BY a.attnum)
FROM pg_class c
JOIN pg_attribute a ON a.attrelid = c.oid, aclexplode(a.attacl) g
WHERE c.relnamespace = 'public'::regnamespace
  AND g.grantee = 'stocktide_reader'::regrole AND g.privilege_type = 'SELECT'
GROUP BY c.relname
ORDER BY 1
