-- Runs of jobs.
SELECT run_id, job, status, started_at, finished_at, error
FROM runs
