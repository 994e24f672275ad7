-- What feeds sent, by the minute.
SELECT feed, minute, accepted, duplicate, conflict, rejected, newest_occurred_at
FROM feed_minutes
