-- Our functions, not the library's queue.
SELECT p.proname AS name, obj_description(p.oid, 'pg_proc') AS comment, pg_get_functiondef(p.oid) AS definition
FROM pg_proc p
WHERE p.pronamespace = 'public'::regnamespace AND p.proname !~ '^procrastinate'
ORDER BY p.proname, p.oid::regprocedure::text
