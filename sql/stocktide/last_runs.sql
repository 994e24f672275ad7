-- The newest run of each job.
SELECT DISTINCT ON (job) job, status, started_at,
       round(extract(epoch FROM coalesce(finished_at, now()) - started_at)::numeric, 1)::float8 AS seconds, error
FROM runs
ORDER BY job, run_id DESC
