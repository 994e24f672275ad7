-- Count what was captured under its feed and the minute, so that a feed whose events move nothing is not silent.
INSERT INTO feed_minutes AS f (feed, minute, accepted, duplicate, rejected, newest_occurred_at)
VALUES (:feed, date_trunc('minute', now()), :accepted, :duplicate, :rejected, :newest_occurred_at)
ON CONFLICT (feed, minute) DO UPDATE
SET accepted = f.accepted + excluded.accepted,
    duplicate = f.duplicate + excluded.duplicate,
    rejected = f.rejected + excluded.rejected,
    newest_occurred_at = greatest(f.newest_occurred_at, excluded.newest_occurred_at)
