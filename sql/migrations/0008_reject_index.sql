-- Source and id together may be 4,000 bytes, and an index entry holds 2,700: a reject could not be kept then.
DROP INDEX rejects_event, rejects_replayed;
CREATE INDEX rejects_event ON rejects (event_id) WHERE event_id IS NOT NULL;
CREATE INDEX rejects_replayed ON rejects (replayed_event_id) WHERE replayed_event_id IS NOT NULL;
