-- Open alerts by names: those of feeds first, then those of orders, then the newest. on_desk: its order was made on the order desk. found: how many there are.
SELECT a.alert_id, a.rule, a.feed, a.order_id, a.details, p.sku, coalesce(p.name, p.sku) AS product, l.code AS location,
       coalesce(l.name, l.code) AS location_name, p.department,
       coalesce(p.unit, CASE WHEN a.rule = 'silent_feed' THEN 's' WHEN a.order_id IS NOT NULL THEN 'lines' ELSE 'share' END) AS unit,
       a.last_value_milli / 1000.0::float8 AS value, a.limit_milli / 1000.0::float8 AS "limit", a.opened_at,
       a.acknowledged_at, a.acknowledged_by, a.reason, coalesce(l.timezone, 'UTC') AS timezone,
       CASE WHEN a.silenced_until > now() THEN a.silenced_until END AS silenced_until,
       EXISTS (SELECT FROM purchase_orders po WHERE po.order_id = a.order_id) AS on_desk,
       count(*) OVER ()::bigint AS found
FROM alerts a
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
WHERE a.closed_at IS NULL
  AND (CAST(:rule AS text) IS NULL OR a.rule = :rule)
  AND (CAST(:product AS text) IS NULL OR p.sku = :product)
  AND (CAST(:location AS text) IS NULL OR l.code = :location OR a.details -> 'locations' @> to_jsonb(CAST(:location AS text)))
  AND (CAST(:department AS text) IS NULL OR p.department = :department)
  AND (CAST(:category AS text) IS NULL OR p.category = :category)
ORDER BY a.feed IS NULL, a.order_id IS NULL, a.alert_id DESC
LIMIT :limit
