-- Write down what became of replayed rejects. A row comes back for each that was still open: who gets fewer than it
-- sent was overtaken, and takes its transaction back. They are locked in the order of their ids.
WITH told AS (
    SELECT * FROM unnest(CAST(:reject_id AS bigint[]), CAST(:outcome AS text[]), CAST(:sent AS bytea[]),
                         CAST(:source AS text[]), CAST(:event_id AS text[]), CAST(:fault_reason AS text[]),
                         CAST(:fault_field AS text[]), CAST(:fault_message AS text[]))
        AS t (reject_id, outcome, sent, source, event_id, fault_reason, fault_field, fault_message)
),
still_open AS MATERIALIZED (
    SELECT reject_id FROM rejects
    WHERE reject_id = ANY(CAST(:reject_id AS bigint[])) AND state = 'open'
    ORDER BY reject_id
    FOR UPDATE
),
settled AS (
    UPDATE rejects r
    SET state = CASE WHEN t.fault_reason IS NULL THEN 'replayed' ELSE 'open' END,
        outcome = t.outcome,
        mended = t.sent,
        retried_reason = t.fault_reason,
        retried_field = t.fault_field,
        retried_message = t.fault_message,
        replayed_at = now(),
        settled_by = :by,
        replayed_source = t.source,
        replayed_event_id = t.event_id
    FROM told t
    JOIN still_open USING (reject_id)
    WHERE r.reject_id = t.reject_id
    RETURNING r.reject_id
)
INSERT INTO reject_actions (reject_id, action, by, reason, sent, outcome, fault_reason, fault_message)
SELECT reject_id, :action, :by, :reason, sent, outcome, fault_reason, fault_message
FROM told
JOIN settled USING (reject_id)
ORDER BY reject_id
RETURNING reject_id
