-- DuckDB. Days of a source of which a tenth or more was recorded two days late or later; imports of history are left out.
-- severity: notice
-- of: feeds_days
SELECT source, day, events, events - arrived_48h AS late
FROM feeds_days
WHERE day > $since AND 2 * arrived_168h >= events AND 10 * (events - arrived_48h) >= events
