-- The table that tells movements, as people read it.
SELECT event_type, biz_step, disposition, action, movement, why
FROM epcis_movements
ORDER BY event_type, biz_step, disposition, action
