-- Queries whose export is due.
SELECT query_id, owner, name, statement, parameters, schedule, form, due_at
FROM saved_queries
WHERE due_at <= :now
ORDER BY due_at
