-- A query that a user may run: an own one, or one that is shared.
SELECT query_id, owner, name, statement, parameters, shared, chart, schedule, form, due_at, updated_at
FROM saved_queries
WHERE query_id = :query_id AND (shared OR owner = :owner)
