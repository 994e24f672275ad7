-- A page of rejects without their payload, the newest first; keyset by reject_id.
SELECT reject_id, feed, reason, field, message, source, event_id, content_type, times_seen, first_seen_at, last_seen_at,
       state, outcome, replayed_at, settled_by, replayed_source, replayed_event_id, is_mended, sent_again_at
FROM rejects_now
WHERE (CAST(:before AS bigint) IS NULL OR reject_id < :before)
  AND (CAST(:reject_id AS bigint) IS NULL OR reject_id = :reject_id)
  AND (CAST(:state AS text) IS NULL OR state = :state)
  AND (CAST(:feed AS text) IS NULL OR feed = :feed)
  AND (CAST(:reason AS text) IS NULL OR reason = :reason)
  AND (CAST(:field AS text) IS NULL OR coalesce(field, '') = :field)
  AND (CAST(:source AS text) IS NULL OR coalesce(source, '') = :source)
  AND (CAST(:since AS timestamptz) IS NULL OR last_seen_at >= :since)
ORDER BY reject_id DESC
LIMIT :limit
