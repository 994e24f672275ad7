-- Rejects by what is wrong with whose input, what was seen last first, with the newest of each as a sample.
WITH grouped AS (
    SELECT reason, field, feed, source, count(*) AS rejects, sum(times_seen)::bigint AS times_seen,
           min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at, max(reject_id) AS sample_id
    FROM rejects_now
    WHERE (CAST(:state AS text) IS NULL OR state = :state)
      AND (CAST(:feed AS text) IS NULL OR feed = :feed)
      AND (CAST(:reason AS text) IS NULL OR reason = :reason)
      AND (CAST(:field AS text) IS NULL OR coalesce(field, '') = :field)
      AND (CAST(:source AS text) IS NULL OR coalesce(source, '') = :source)
      AND (CAST(:since AS timestamptz) IS NULL OR last_seen_at >= :since)
    GROUP BY reason, field, feed, source
    ORDER BY last_seen_at DESC, reason, field, feed, source
    LIMIT :limit
)
SELECT g.*, n.message AS sample_message
FROM grouped g
JOIN rejects_now n ON n.reject_id = g.sample_id
ORDER BY g.last_seen_at DESC, g.reason, g.field, g.feed, g.source
