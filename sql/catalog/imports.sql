-- The newest imports of files, with what each reported.
SELECT run_id, status, started_at, finished_at, error, detail
FROM runs
WHERE job = 'import'
ORDER BY run_id DESC
LIMIT :limit
