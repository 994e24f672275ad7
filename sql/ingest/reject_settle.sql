-- Write down what became of replayed rejects; what another settled meanwhile stays as that one left it.
WITH told AS (
    SELECT * FROM unnest(CAST(:reject_id AS bigint[]), CAST(:outcome AS text[]), CAST(:sent AS bytea[]),
                         CAST(:source AS text[]), CAST(:event_id AS text[]), CAST(:fault_reason AS text[]),
                         CAST(:fault_field AS text[]), CAST(:fault_message AS text[]))
        AS t (reject_id, outcome, sent, source, event_id, fault_reason, fault_field, fault_message)
),
settled AS (
    UPDATE rejects r
    SET state = CASE WHEN t.fault_reason IS NULL THEN 'replayed' ELSE 'open' END,
        outcome = t.outcome,
        mended = coalesce(t.sent, r.mended),
        retried_reason = t.fault_reason,
        retried_field = t.fault_field,
        retried_message = t.fault_message,
        replayed_at = now(),
        settled_by = :by,
        replayed_source = t.source,
        replayed_event_id = t.event_id
    FROM told t
    WHERE r.reject_id = t.reject_id AND r.state = 'open'
    RETURNING r.reject_id
)
INSERT INTO reject_actions (reject_id, action, by, reason, sent, outcome, fault_reason, fault_message)
SELECT reject_id, :action, :by, :reason, sent, outcome, fault_reason, fault_message
FROM told
JOIN settled USING (reject_id)
ORDER BY reject_id
