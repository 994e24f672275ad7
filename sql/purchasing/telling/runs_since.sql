-- Runs that proposed orders since one was due, the oldest first, and whether Stocktide worked before. Binds: :job, :due.
SELECT status, started_at, error, (SELECT min(started_at) FROM runs) < :due AS is_older
FROM (SELECT 1) one
LEFT JOIN runs ON job = :job AND started_at >= :due
ORDER BY run_id
