-- Alerts on a product at a place that were raised since an event was recorded, the newest first.
SELECT a.alert_id, a.rule, p.sku AS product, o.code AS location, a.opened_at, a.closed_at, count(*) OVER () AS found
FROM alerts a
JOIN products p USING (product_id)
JOIN locations o USING (location_id)
WHERE a.product_id = :product_id AND a.location_id = :location_id AND a.opened_at >= :recorded_at
ORDER BY a.alert_id DESC
LIMIT :limit
