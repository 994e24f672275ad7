-- Close open rejects of movements that EPCIS made after all, or that are not to be made any more. They are locked in
-- the order of their ids, as the desk does.
WITH told AS (
    SELECT * FROM unnest(CAST(:ids AS text[]), CAST(:made AS boolean[])) AS t (event_id, made)
),
still_open AS MATERIALIZED (
    SELECT r.reject_id, t.made
    FROM rejects r
    JOIN told t USING (event_id)
    WHERE r.source = :source AND r.state = 'open'
    ORDER BY r.reject_id
    FOR UPDATE OF r
),
closed AS (
    UPDATE rejects r
    SET state = CASE WHEN t.made THEN 'replayed' ELSE 'dropped' END,
        outcome = CASE WHEN t.made THEN 'accepted' ELSE r.outcome END,
        replayed_at = CASE WHEN t.made THEN now() ELSE r.replayed_at END,
        replayed_source = CASE WHEN t.made THEN r.source ELSE r.replayed_source END,
        replayed_event_id = CASE WHEN t.made THEN r.event_id ELSE r.replayed_event_id END,
        retried_reason = CASE WHEN t.made THEN NULL ELSE r.retried_reason END,
        retried_field = CASE WHEN t.made THEN NULL ELSE r.retried_field END,
        retried_message = CASE WHEN t.made THEN NULL ELSE r.retried_message END,
        settled_by = :by
    FROM still_open t
    WHERE r.reject_id = t.reject_id
    RETURNING r.reject_id, t.made
)
INSERT INTO reject_actions (reject_id, action, by, reason, outcome)
SELECT reject_id, CASE WHEN made THEN 'replay' ELSE 'drop' END, :by,
       CASE WHEN made THEN 'EPCIS has made this movement after all.'
            ELSE 'The EPCIS event makes this movement no more: it was declared wrong, or says something else now.' END,
       CASE WHEN made THEN 'accepted' END
FROM closed
ORDER BY reject_id
