-- Put into the outbox what opened under a silence that has passed, as if it had opened now; what closed meanwhile stays
-- untold. Tells how many alerts. The writers' lock is held already.
WITH due AS (
    UPDATE alerts a
    SET announced = true
    WHERE a.closed_at IS NULL AND NOT a.announced
      AND NOT EXISTS (
          SELECT FROM alert_silences q
          WHERE q.rule = a.rule AND q.subject = a.subject AND q.silenced_until > now())
    RETURNING a.alert_id, a.rule, a.subject, a.location_id
),
sent AS (
    INSERT INTO deliveries (webhook_id, event_id, alert_id, line)
    SELECT w.webhook_id, e.event_id, d.alert_id, d.rule || ' ' || d.subject
    FROM due d
    JOIN alert_events e ON e.alert_id = d.alert_id AND e.change = 'opened'
    JOIN webhooks w ON w.active
        AND (w.rules IS NULL OR d.rule = ANY (w.rules))
        AND (w.location_ids IS NULL OR d.location_id = ANY (w.location_ids))
    ORDER BY e.event_id
)
SELECT count(*) FROM due
