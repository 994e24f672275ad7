-- Close open rejects that will never be recorded.
WITH dropped AS (
    UPDATE rejects SET state = 'dropped', settled_by = :by
    WHERE reject_id = ANY(CAST(:ids AS bigint[])) AND state = 'open'
    RETURNING reject_id
)
INSERT INTO reject_actions (reject_id, action, by, reason)
SELECT reject_id, 'drop', :by, :reason FROM dropped ORDER BY reject_id
RETURNING reject_id
