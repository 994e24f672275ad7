-- Ask for the end of a running statement, of one user's or (null) anybody's.
UPDATE statements
SET cancel_requested_at = now()
WHERE statement_id = CAST(:statement_id AS uuid) AND finished_at IS NULL
  AND (CAST(:asked_by AS text) IS NULL OR asked_by = :asked_by)
RETURNING statement_id
