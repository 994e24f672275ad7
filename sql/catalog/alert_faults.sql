-- What the evaluation of alerts failed on, the newest first.
SELECT coalesce(p.sku || ' at ' || l.code, f.subject) AS subject, f.error, f.times, f.first_at, f.last_at
FROM alert_faults f
LEFT JOIN products p USING (product_id)
LEFT JOIN locations l USING (location_id)
ORDER BY f.last_at DESC, subject
LIMIT :limit
