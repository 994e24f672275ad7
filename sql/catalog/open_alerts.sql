-- Open alerts by names: those of feeds first, then the newest. found: how many there are.
SELECT a.alert_id, a.rule, a.feed, p.sku, coalesce(p.name, p.sku) AS product, l.code AS location,
       coalesce(l.name, l.code) AS location_name, p.department,
       coalesce(p.unit, CASE a.rule WHEN 'silent_feed' THEN 's' ELSE 'share' END) AS unit,
       a.last_value_milli / 1000.0::float8 AS value, a.limit_milli / 1000.0::float8 AS "limit", a.opened_at,
       a.acknowledged_at, a.acknowledged_by, a.reason, coalesce(l.timezone, 'UTC') AS timezone,
       CASE WHEN a.silenced_until > now() THEN a.silenced_until END AS silenced_until,
       count(*) OVER ()::bigint AS found
FROM alerts a
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
WHERE a.closed_at IS NULL
  AND (CAST(:rule AS text) IS NULL OR a.rule = :rule)
  AND (CAST(:product AS text) IS NULL OR p.sku = :product)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (CAST(:department AS text) IS NULL OR p.department = :department)
  AND (CAST(:category AS text) IS NULL OR p.category = :category)
ORDER BY a.feed IS NULL, a.alert_id DESC
LIMIT :limit
