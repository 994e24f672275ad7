-- Take deliveries that are due, some of each webhook that is not busy, with all that sending needs. A change waits
-- until what the same rule said of the same subject before is through. Taken is leased: if nobody says how it went, it is due again.
WITH due AS (
    SELECT d.delivery_id
    FROM webhooks w
    CROSS JOIN LATERAL (
        SELECT f.delivery_id
        FROM deliveries f
        WHERE f.webhook_id = w.webhook_id AND f.state = 'waiting' AND f.next_at <= now()
          AND NOT EXISTS (
              SELECT FROM deliveries b
              WHERE b.webhook_id = f.webhook_id AND b.line = f.line AND b.delivery_id < f.delivery_id
                AND b.state = 'waiting')
        ORDER BY f.next_at
        LIMIT :each
        FOR UPDATE SKIP LOCKED
    ) d
    WHERE w.active AND w.webhook_id <> ALL (CAST(:busy AS int[]))
    LIMIT :most
),
taken AS (
    UPDATE deliveries d
    SET attempts = d.attempts + 1, next_at = now() + make_interval(secs => :lease_s)
    FROM due
    WHERE d.delivery_id = due.delivery_id
    RETURNING d.delivery_id, d.webhook_id, d.event_id, d.attempts, d.created_at, d.body
)
SELECT t.delivery_id, t.webhook_id, t.attempts, t.created_at, t.body, w.name AS webhook, w.url, w.secret,
       CASE WHEN w.old_secret_until > now() THEN w.old_secret END AS old_secret,
       e.event_id, e.change, e.at, e.value_milli, e.limit_milli, e.details, e.by, e.reason,
       a.alert_id, a.rule, p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name,
       a.feed, a.order_id, p.unit, a.opened_at
FROM taken t
JOIN webhooks w USING (webhook_id)
JOIN alert_events e USING (event_id)
JOIN alerts a ON a.alert_id = e.alert_id
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
ORDER BY t.delivery_id
