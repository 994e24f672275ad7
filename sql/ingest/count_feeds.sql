-- Count outcomes under their feeds and the minute, in the order of feeds. Binds: $1 rows.
INSERT INTO feed_minutes AS f (feed, minute, accepted, duplicate, conflict, rejected, newest_occurred_at)
SELECT feed, date_trunc('minute', now()), accepted, duplicate, conflict, rejected, newest_occurred_at
FROM jsonb_to_recordset($1::jsonb) AS t (feed text, accepted int, duplicate int, conflict int, rejected int,
                                         newest_occurred_at timestamptz)
ORDER BY feed
ON CONFLICT (feed, minute) DO UPDATE
SET accepted = f.accepted + excluded.accepted,
    duplicate = f.duplicate + excluded.duplicate,
    conflict = f.conflict + excluded.conflict,
    rejected = f.rejected + excluded.rejected,
    newest_occurred_at = greatest(f.newest_occurred_at, excluded.newest_occurred_at)
