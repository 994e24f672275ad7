-- Lots on hand by the last day on which they can be sold.
SELECT p.sku AS product, l.code AS location, o.expires_on, o.on_hand_milli / 1000.0::float8 AS units
FROM lots o
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE o.on_hand_milli > 0 AND o.expires_on IS NOT NULL
