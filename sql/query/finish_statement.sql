-- Record what came of a statement.
UPDATE statements
SET finished_at = clock_timestamp(), outcome = :outcome, rows = CAST(:rows AS bigint), error = :error
WHERE statement_id = CAST(:statement_id AS uuid)
