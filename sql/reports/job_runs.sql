-- Runs of jobs, the newest first, with their seconds.
-- parameter job text: etl, forecast, …; all of them where left out
SELECT run_id, job, status, started_at, epoch(finished_at - started_at) AS seconds, error
FROM runs
WHERE $job IS NULL OR job = $job
ORDER BY run_id DESC
