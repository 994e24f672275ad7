-- Triggers that migrations made.
SELECT t.tgrelid::regclass::text AS of_table, t.tgname AS name, pg_get_triggerdef(t.oid, true) AS definition
FROM pg_trigger t
JOIN pg_class c ON c.oid = t.tgrelid
WHERE c.relnamespace = 'public'::regnamespace AND NOT t.tgisinternal
ORDER BY 1, t.tgname
