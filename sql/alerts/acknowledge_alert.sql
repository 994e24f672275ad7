-- Write on an alert, and in its history, who has taken it on. Gives the alert; none: there is no such alert.
-- The writers' lock is held already.
WITH marked AS (
    UPDATE alerts
    SET acknowledged_at = now(), acknowledged_by = :by, reason = :reason
    WHERE alert_id = :alert_id
    RETURNING alert_id, last_value_milli, limit_milli, details
)
INSERT INTO alert_events (alert_id, change, value_milli, limit_milli, details, by, reason)
SELECT alert_id, 'acknowledged', last_value_milli, limit_milli, details, :by, :reason FROM marked
RETURNING alert_id
