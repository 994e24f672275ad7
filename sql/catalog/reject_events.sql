-- A page of the rejects of one group, the newest first; keyset by reject_id.
SELECT reject_id, event_id, message, times_seen, last_seen_at, settled_by, outcome, sent_again_at
FROM rejects_now
WHERE state = :state AND reason = :reason AND feed = :feed
  AND field IS NOT DISTINCT FROM CAST(:field AS text) AND source IS NOT DISTINCT FROM CAST(:source AS text)
  AND (CAST(:before AS bigint) IS NULL OR reject_id < :before)
ORDER BY reject_id DESC
LIMIT :limit
