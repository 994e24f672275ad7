-- Take back the drop of rejects: they can be fixed and replayed again.
WITH reopened AS (
    UPDATE rejects SET state = 'open', settled_by = NULL
    WHERE reject_id = ANY(CAST(:ids AS bigint[])) AND state = 'dropped'
    RETURNING reject_id
)
INSERT INTO reject_actions (reject_id, action, by, reason)
SELECT reject_id, 'reopen', :by, :reason FROM reopened ORDER BY reject_id
RETURNING reject_id
