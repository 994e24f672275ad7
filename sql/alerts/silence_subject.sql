-- Silence rule and subject of an alert until an instant, or end the silence with one that has passed. Says so in the
-- history of that alert and of the open one, which may be another. Gives the alerts; none: there is no such alert.
-- The writers' lock is held already.
WITH named AS (
    SELECT alert_id, rule, subject FROM alerts WHERE alert_id = :alert_id
),
put AS (
    INSERT INTO alert_silences (rule, subject, silenced_until, reason, by)
    SELECT rule, subject, :until, :reason, :by FROM named
    ON CONFLICT (rule, subject) DO UPDATE
    SET silenced_until = excluded.silenced_until, reason = excluded.reason, by = excluded.by, at = now()
),
marked AS (
    UPDATE alerts a
    SET silenced_until = :until, reason = :reason
    WHERE a.alert_id IN (
        SELECT alert_id FROM named
        UNION
        SELECT o.alert_id FROM named n JOIN alerts o USING (rule, subject) WHERE o.closed_at IS NULL
    )
    RETURNING a.alert_id, a.last_value_milli, a.limit_milli, a.details
)
INSERT INTO alert_events (alert_id, change, value_milli, limit_milli, details, by, reason)
SELECT alert_id, 'silenced', last_value_milli, limit_milli, details, :by, :reason FROM marked ORDER BY alert_id
RETURNING alert_id
