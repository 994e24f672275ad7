-- One product's days, per location, for the last days up to the newest, and the last row before as the opening.
WITH newest AS (SELECT max(day) AS day FROM location_daily),
     wanted AS (SELECT product_id FROM products WHERE sku = :sku)
SELECT d.day, l.code AS location, d.sold_milli / 1000.0::float8 AS sold, d.returned_milli / 1000.0::float8 AS returned,
       d.on_hand_milli / 1000.0::float8 AS on_hand, d.censored, d.promotion, d.price_micros / 1e6::float8 AS price
FROM daily_demand d
JOIN wanted USING (product_id)
JOIN locations l USING (location_id)
CROSS JOIN newest
WHERE d.day > newest.day - CAST(:days AS int)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
UNION ALL
SELECT * FROM (
    SELECT DISTINCT ON (d.location_id) newest.day - CAST(:days AS int), l.code, 0::float8, 0::float8,
           d.on_hand_milli / 1000.0::float8, false, false, d.price_micros / 1e6::float8
    FROM daily_demand d
    JOIN wanted USING (product_id)
    JOIN locations l USING (location_id)
    CROSS JOIN newest
    WHERE d.day <= newest.day - CAST(:days AS int)
      AND (CAST(:location AS text) IS NULL OR l.code = :location)
    ORDER BY d.location_id, d.day DESC
) opening
ORDER BY 1, 2
