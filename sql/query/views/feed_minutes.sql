-- What each feed sent, by the minute: events by their outcome.
-- reads: feed_minutes
SELECT
    feed, -- key or source that sent
    minute, -- minute in which it came (UTC)
    accepted, -- events that were recorded
    duplicate, -- events that were recorded before
    conflict, -- events whose id had come with another content
    rejected, -- events that were refused
    newest_occurred_at -- when the latest of them happened (UTC)
FROM input_feed_minutes
