-- Queries of a name that a user may run, own ones first.
SELECT query_id, owner, name, statement, parameters, shared, chart, schedule, form, due_at, updated_at
FROM saved_queries
WHERE name = :name AND (shared OR owner = :owner)
ORDER BY owner <> :owner, owner
