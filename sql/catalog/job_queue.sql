-- Jobs that wait for the worker, run, or failed in the last day, by kind.
SELECT task_name AS job, count(*) FILTER (WHERE status = 'todo')::int AS waiting,
       count(*) FILTER (WHERE status = 'doing')::int AS running,
       count(*) FILTER (WHERE status = 'failed' AND EXISTS (
           SELECT FROM procrastinate_events e WHERE e.job_id = j.id AND e.at > now() - INTERVAL '1 day'))::int AS failed
FROM procrastinate_jobs j
GROUP BY task_name
ORDER BY task_name
