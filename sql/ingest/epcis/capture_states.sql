-- How many events of a capture stand where with their movements.
SELECT movement_state, count(*) AS events
FROM epcis_events
WHERE capture_id = CAST(:capture_id AS uuid)
GROUP BY movement_state
