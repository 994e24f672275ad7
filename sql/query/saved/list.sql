-- Queries that a user may run, own ones first, by name.
SELECT query_id, owner, name, shared, schedule, form, due_at, updated_at
FROM saved_queries
WHERE shared OR owner = :owner
ORDER BY owner <> :owner, name, owner
