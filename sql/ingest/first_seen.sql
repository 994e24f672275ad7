-- When each message was first seen: a fresh one now, one that comes again when it came before, if that is known.
INSERT INTO mqtt_first_seen AS known (key, seen_at, again)
SELECT * FROM unnest(CAST(:keys AS text[]), CAST(:seen_at AS timestamptz[]), CAST(:again AS boolean[]))
ON CONFLICT (key) DO UPDATE
SET seen_at = CASE WHEN excluded.again THEN known.seen_at ELSE excluded.seen_at END,
    again = excluded.again
RETURNING key, seen_at
