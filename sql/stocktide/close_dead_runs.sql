-- Close the runs of a job whose process is gone: their lock is free, since it ends with the connection.
WITH running AS MATERIALIZED (
    SELECT run_id FROM runs WHERE job = :job AND status = 'running'
),
dead AS MATERIALIZED (
    SELECT run_id FROM running
    WHERE pg_try_advisory_xact_lock(hashtextextended('stocktide.run.' || run_id, 0))
)
UPDATE runs SET status = 'failed', finished_at = now(), error = :why
FROM dead
WHERE runs.run_id = dead.run_id
