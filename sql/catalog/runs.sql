-- The newest runs of all jobs.
SELECT run_id, job, status, started_at, finished_at,
       extract(epoch FROM coalesce(finished_at, now()) - started_at)::float8 AS seconds, error, detail
FROM runs
ORDER BY run_id DESC
LIMIT :limit
