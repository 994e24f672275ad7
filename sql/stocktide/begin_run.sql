-- Begin a run and hold its lock, before it is visible, until the connection is closed.
WITH begun AS (
    INSERT INTO runs (job) VALUES (:job) RETURNING run_id
)
SELECT run_id, pg_advisory_lock(hashtextextended('stocktide.run.' || run_id, 0)) FROM begun
