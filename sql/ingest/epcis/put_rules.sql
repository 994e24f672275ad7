-- Replace the table that tells movements.
INSERT INTO epcis_movements (event_type, biz_step, disposition, action, movement, why)
SELECT event_type, biz_step, disposition, action, movement, why
FROM json_to_recordset(CAST(:rows AS json)) AS t (
    event_type text, biz_step text, disposition text, action text, movement text, why text)
