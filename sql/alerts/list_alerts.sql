-- A page of alerts, the newest first; keyset by alert_id. silenced_until is that of rule and subject.
SELECT a.alert_id, a.rule, p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name,
       a.feed, a.order_id, a.details, p.unit, a.value_milli, a.limit_milli, a.last_value_milli, a.last_value_at, a.opened_at, a.closed_at,
       a.acknowledged_at, a.acknowledged_by, q.silenced_until, a.reason
FROM alerts a
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
LEFT JOIN alert_silences q ON q.rule = a.rule AND q.subject = a.subject
WHERE (CAST(:before AS bigint) IS NULL OR a.alert_id < :before)
  AND (CAST(:alert_id AS bigint) IS NULL OR a.alert_id = :alert_id)
  AND (CAST(:open AS boolean) IS NULL OR (a.closed_at IS NULL) = :open)
  AND (CAST(:rule AS text) IS NULL OR a.rule = :rule)
  AND (CAST(:feed AS text) IS NULL OR a.feed = :feed)
  AND (CAST(:order_id AS text) IS NULL OR a.order_id = :order_id)
  AND (CAST(:product AS text) IS NULL OR a.product_id = (SELECT product_id FROM products WHERE sku = :product))
  AND (CAST(:location AS text) IS NULL OR a.location_id = (SELECT location_id FROM locations WHERE code = :location))
  AND (CAST(:since AS timestamptz) IS NULL OR a.opened_at >= :since OR a.closed_at >= :since)
ORDER BY a.alert_id DESC
LIMIT :limit
