-- Products at places that the ETL holds out, the newest first, and how many there are.
SELECT p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name, h.stage, h.error,
       h.held_at, h.tries, count(*) OVER ()::int AS found
FROM held_pairs h
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
ORDER BY h.held_at DESC, p.sku, l.code
LIMIT :limit
