-- Take up events whose movements are not made yet and that nobody works on any more, those that wait longest
-- first: up to a number, and to a number of bytes in all, but one at least.
UPDATE epcis_events
SET claimed_at = clock_timestamp()
WHERE event_no IN (
    SELECT event_no
    FROM (
        SELECT event_no, row_number() OVER first_ones AS position, sum(bytes) OVER first_ones AS bytes
        FROM (
            SELECT event_no, claimed_at, octet_length(CAST(event AS text)) AS bytes
            FROM epcis_events
            WHERE movement_state = 'pending'
              AND (claimed_at IS NULL OR claimed_at < clock_timestamp() - make_interval(secs => :stale_s))
            ORDER BY claimed_at NULLS FIRST, event_no
            LIMIT :count
            FOR UPDATE SKIP LOCKED) waiting
        WINDOW first_ones AS (ORDER BY claimed_at NULLS FIRST, event_no)) taken
    WHERE position = 1 OR bytes <= :bytes_max)
RETURNING event_no, identity, declares_error, event_hash, feed, CAST(event AS text) AS event, context, event_type,
          biz_step, disposition, action, movements, settled_at
