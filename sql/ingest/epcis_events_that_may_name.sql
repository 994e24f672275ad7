-- Captured EPCIS events in which some bytes stand.
SELECT e.event::text AS event
FROM epcis_events e
WHERE EXISTS (
    SELECT FROM unnest(CAST(:patterns AS bytea[])) pattern WHERE position(pattern IN convert_to(e.event::text, 'UTF8')) > 0
)
