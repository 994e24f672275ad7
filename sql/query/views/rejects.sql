-- Refused input, without its content: the page Feeds shows that.
-- reads: rejects
SELECT
    reject_id, -- number of the reject
    feed, -- key or source that sent it
    source, -- source that the event names
    reason, -- why it was refused, in one word
    field, -- field that is wrong
    state, -- open, replayed or dropped
    times_seen, -- how often it was sent
    first_seen_at, -- when it came first (UTC)
    last_seen_at -- when it came last (UTC)
FROM input_rejects
