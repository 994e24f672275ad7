-- Turn verdicts into alerts: open what is not open, close what is, keep the newest value; write the history, and the
-- outbox of every webhook that wants to know. Tells how many were opened and closed. The writers' lock is held already.
WITH verdict AS (
    SELECT *, coalesce(feed, order_id, product_id::text || '/' || location_id::text) AS subject
    FROM unnest(
        CAST(:rule AS text[]), CAST(:product_id AS int[]), CAST(:location_id AS int[]), CAST(:feed AS text[]),
        CAST(:opens AS boolean[]), CAST(:closes AS boolean[]), CAST(:value_milli AS bigint[]),
        CAST(:limit_milli AS bigint[]), CAST(:order_id AS text[]), CAST(:details AS jsonb[])
    ) AS t (rule, product_id, location_id, feed, opens, closes, value_milli, limit_milli, order_id, details)
),
touched AS (
    UPDATE alerts a
    SET last_value_milli = v.value_milli, last_value_at = now(), closed_at = CASE WHEN v.closes THEN now() END,
        details = CASE WHEN v.closes THEN a.details ELSE v.details END
    FROM verdict v
    WHERE a.rule = v.rule AND a.subject = v.subject AND a.closed_at IS NULL
      AND (v.closes OR a.last_value_milli <> v.value_milli OR a.details IS DISTINCT FROM v.details)
    RETURNING a.alert_id, a.rule, a.subject, a.location_id, v.value_milli, v.limit_milli, a.details, a.announced,
              v.closes
),
opened AS (
    INSERT INTO alerts (rule, product_id, location_id, feed, order_id, value_milli, limit_milli, last_value_milli,
                        details, silenced_until, reason, announced)
    SELECT v.rule, v.product_id, v.location_id, v.feed, v.order_id, v.value_milli, v.limit_milli, v.value_milli,
           v.details, quiet.silenced_until, quiet.reason, quiet.silenced_until IS NULL
    FROM verdict v
    -- a silence is for rule and subject: it outlives the alert that it was given to
    LEFT JOIN alert_silences quiet ON quiet.rule = v.rule AND quiet.subject = v.subject AND quiet.silenced_until > now()
    WHERE v.opens
    ORDER BY v.rule, v.subject
    ON CONFLICT (rule, subject) WHERE closed_at IS NULL DO NOTHING
    RETURNING alert_id, rule, subject, location_id, value_milli, limit_milli, details, announced
),
changed AS (
    SELECT alert_id, rule, subject, location_id, value_milli, limit_milli, details, announced, 'closed' AS change
    FROM touched
    WHERE closes
    UNION ALL
    SELECT alert_id, rule, subject, location_id, value_milli, limit_milli, details, announced, 'opened' FROM opened
),
told AS (
    INSERT INTO alert_events (alert_id, change, value_milli, limit_milli, details)
    SELECT alert_id, change, value_milli, limit_milli, details FROM changed ORDER BY change, alert_id
    RETURNING event_id, alert_id
),
sent AS (
    INSERT INTO deliveries (webhook_id, event_id, alert_id, line)
    SELECT w.webhook_id, t.event_id, t.alert_id, c.rule || ' ' || c.subject
    FROM told t
    JOIN changed c USING (alert_id)
    JOIN webhooks w ON w.active
        AND (w.rules IS NULL OR c.rule = ANY (w.rules))
        AND (w.location_ids IS NULL OR c.location_id = ANY (w.location_ids))
    WHERE c.announced
    ORDER BY t.event_id
)
SELECT count(*) FILTER (WHERE change = 'opened') AS opened, count(*) FILTER (WHERE change = 'closed') AS closed
FROM changed
