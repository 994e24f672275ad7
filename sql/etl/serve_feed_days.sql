-- Add the staged days of sources to their copy.
INSERT INTO feed_days (source_id, day, ends_at, events, arrived, last_recorded_at)
SELECT s.source_id, f.day, f.ends_at, f.events, f.arrived::bigint[], f.last_recorded_at
FROM staged_feed_days f
JOIN sources s USING (source)
