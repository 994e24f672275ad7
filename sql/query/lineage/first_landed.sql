-- The lake as the first run left it that landed transaction :xid. is_oldest: nothing is known of runs before it.
SELECT h.history_id, h.noted_at, h.run_id, h.xid_before, h.recorded_through, h.versions,
       NOT EXISTS (SELECT FROM lake_history e WHERE e.history_id < h.history_id) AS is_oldest
FROM lake_history h
WHERE h.xid_before > :xid
ORDER BY h.xid_before, h.history_id
LIMIT 1
