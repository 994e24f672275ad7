-- Lots on hand by the last day on which they can be sold, but for those whose day has passed. Binds: :today.
SELECT p.sku AS product, l.code AS location, o.expires_on, o.left_milli / 1000.0::float8 AS units
FROM lots_left o
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE o.left_milli > 0 AND o.expires_on >= :today
