-- The newest statements of a user. statements_of serves it.
SELECT statement_id, statement, started_at, finished_at, outcome, rows, error
FROM statements
WHERE asked_by = :asked_by AND NOT starts_with(statement, '-- checked when it was saved')
ORDER BY started_at DESC
LIMIT :limit
