-- Count a request's outcomes under its feed and minute.
INSERT INTO feed_minutes AS f (feed, minute, accepted, duplicate, conflict, rejected, newest_occurred_at)
VALUES (:feed, date_trunc('minute', now()), :accepted, :duplicate, :conflict, :rejected, :newest_occurred_at)
ON CONFLICT (feed, minute) DO UPDATE
SET accepted = f.accepted + excluded.accepted,
    duplicate = f.duplicate + excluded.duplicate,
    conflict = f.conflict + excluded.conflict,
    rejected = f.rejected + excluded.rejected,
    newest_occurred_at = greatest(f.newest_occurred_at, excluded.newest_occurred_at)
