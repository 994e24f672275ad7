-- The next open rejects that a replay asks for, in the order in which they came: up to a number, and to a number of
-- bytes in all, but one at least. One that is too large to be an event comes without its payload.
SELECT reject_id, feed, content_type, source, reason, raw, mended
FROM (
    SELECT n.reject_id, n.feed, n.content_type, n.source, n.reason,
           CASE WHEN octet_length(r.raw) <= :event_bytes_max THEN r.raw END AS raw,
           CASE WHEN octet_length(r.mended) <= :event_bytes_max THEN r.mended END AS mended,
           row_number() OVER first_ones AS place,
           sum(least(octet_length(r.raw), :event_bytes_max)) OVER first_ones AS bytes
    FROM (
        SELECT reject_id, feed, content_type, source, reason
        FROM rejects_now
        WHERE state = 'open' AND reject_id > :after
          AND (CAST(:ids AS bigint[]) IS NULL OR reject_id = ANY(CAST(:ids AS bigint[])))
          AND (CAST(:feed AS text) IS NULL OR feed = :feed)
          AND (CAST(:reason AS text) IS NULL OR reason = :reason)
          AND (CAST(:field AS text) IS NULL OR coalesce(field, '') = :field)
          AND (CAST(:source AS text) IS NULL OR coalesce(source, '') = :source)
          AND (CAST(:since AS timestamptz) IS NULL OR last_seen_at >= :since)
        ORDER BY reject_id
        LIMIT :limit
    ) n
    JOIN rejects r USING (reject_id)
    WINDOW first_ones AS (ORDER BY n.reject_id)
) taken
WHERE place = 1 OR bytes <= :bytes_max
ORDER BY reject_id
