-- Return true if somebody asked for the end of a statement.
SELECT cancel_requested_at IS NOT NULL
FROM statements
WHERE statement_id = CAST(:statement_id AS uuid)
