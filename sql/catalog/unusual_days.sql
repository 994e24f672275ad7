-- Days of unusual demand, the newest first; those that wait before those that are decided.
SELECT p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name, u.day, p.unit,
       u.sold_milli, u.usual_milli, u.state, u.found_at, u.decided_at, u.decided_by, u.reason,
       count(*) OVER ()::int AS found
FROM unusual_days u
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE CAST(:state AS text) IS NULL OR u.state = :state
ORDER BY u.state <> 'open', u.day DESC, p.sku, l.code
LIMIT :limit
