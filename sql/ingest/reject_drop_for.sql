-- Close open rejects of a group that will never be recorded, the oldest first, up to a number.
WITH dropped AS (
    UPDATE rejects SET state = 'dropped', settled_by = :by
    WHERE state = 'open' AND reject_id IN (
        SELECT reject_id
        FROM rejects_now
        WHERE state = 'open'
          AND (CAST(:feed AS text) IS NULL OR feed = :feed)
          AND (CAST(:reason AS text) IS NULL OR reason = :reason)
          AND (CAST(:field AS text) IS NULL OR coalesce(field, '') = :field)
          AND (CAST(:source AS text) IS NULL OR coalesce(source, '') = :source)
          AND (CAST(:since AS timestamptz) IS NULL OR last_seen_at >= :since)
        ORDER BY reject_id
        LIMIT :limit
    )
    RETURNING reject_id
)
INSERT INTO reject_actions (reject_id, action, by, reason)
SELECT reject_id, 'drop', :by, :why FROM dropped ORDER BY reject_id
RETURNING reject_id
