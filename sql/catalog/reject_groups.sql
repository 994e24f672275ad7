-- Rejects grouped by fault and feed, those seen last first, with the newest of each group as a sample.
-- sent_again: how many closed rejects were sent again since. found, rejects_found: in all groups.
WITH grouped AS (
    SELECT reason, field, feed, source, count(*)::bigint AS rejects, sum(times_seen)::bigint AS times_seen,
           min(first_seen_at) AS first_seen_at, max(last_seen_at) AS last_seen_at, max(reject_id) AS sample_id,
           count(sent_again_at)::bigint AS sent_again, count(*) OVER ()::bigint AS found,
           sum(count(*)) OVER ()::bigint AS rejects_found
    FROM rejects_now
    WHERE state = :state AND (CAST(:feed AS text) IS NULL OR feed = :feed)
      AND (CAST(:reason AS text) IS NULL OR reason = :reason)
    GROUP BY reason, field, feed, source
    ORDER BY last_seen_at DESC, reason, field, feed, source
    LIMIT :limit
)
SELECT g.*, n.message AS sample_message
FROM grouped g
JOIN rejects_now n ON n.reject_id = g.sample_id
ORDER BY g.last_seen_at DESC, g.reason, g.field, g.feed, g.source
