-- A page of one webhook's deliveries, the newest first; keyset by delivery_id.
SELECT d.delivery_id, d.event_id, d.alert_id, e.change, a.rule, d.state, d.attempts, d.created_at,
       CASE WHEN d.state = 'waiting' THEN d.next_at END AS next_at, d.ended_at, d.last_status, d.last_error
FROM deliveries d
JOIN alert_events e USING (event_id)
JOIN alerts a ON a.alert_id = d.alert_id
WHERE d.webhook_id = :webhook_id
  AND (CAST(:state AS text) IS NULL OR d.state = :state)
  AND (CAST(:before AS bigint) IS NULL OR d.delivery_id < :before)
ORDER BY d.delivery_id DESC
LIMIT :limit
