-- The lake as the last run that had ended at :at left it.
SELECT history_id, noted_at, run_id, xid_before, recorded_through, versions
FROM lake_history
WHERE noted_at <= :at
ORDER BY noted_at DESC, history_id DESC
LIMIT 1
