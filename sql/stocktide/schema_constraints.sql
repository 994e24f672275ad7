-- Constraints: keys first, then references, then checks. Whether a column is required is shown at the column.
SELECT c.conrelid::regclass::text AS of_table, c.conname AS name, pg_get_constraintdef(c.oid, true) AS definition
FROM pg_constraint c
WHERE c.connamespace = 'public'::regnamespace AND c.conrelid <> 0 AND c.contype IN ('p', 'u', 'f', 'c', 'x')
ORDER BY 1, array_position('{p,u,x,f,c}'::text[], c.contype::text), c.conname
