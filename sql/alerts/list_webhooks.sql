-- Webhooks without their secrets, and how their outbox stands.
SELECT w.webhook_id, w.name, w.url, w.rules,
       (SELECT array_agg(l.code ORDER BY l.code) FROM locations l WHERE l.location_id = ANY (w.location_ids))
           AS locations,
       w.active, w.note, w.created_by, w.created_at, w.updated_at, counted.waiting, counted.dead
FROM webhooks w
CROSS JOIN LATERAL (
    SELECT count(*) FILTER (WHERE d.state = 'waiting') AS waiting, count(*) FILTER (WHERE d.state = 'dead') AS dead
    FROM deliveries d
    WHERE d.webhook_id = w.webhook_id AND d.state <> 'delivered'
) counted
WHERE CAST(:webhook_id AS int) IS NULL OR w.webhook_id = :webhook_id
ORDER BY w.webhook_id
