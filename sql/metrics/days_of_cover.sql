-- Days of cover: stock on hand by the average units sold a day in the last 28 days with data, by product and location;
-- empty where nothing was sold.
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
),
sold AS (
    SELECT d.product_id, d.location_id, sum(d.net) AS units
    FROM daily_demand d, newest n
    WHERE d.day > n.day - 28
    GROUP BY d.product_id, d.location_id
)
SELECT p.sku, l.code AS location, k.on_hand,
       CASE WHEN s.units > 0 THEN k.on_hand::DOUBLE / (s.units::DOUBLE / 28) END AS days_of_cover
FROM stock k
LEFT JOIN sold s USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE k.on_hand IS NOT NULL
ORDER BY p.sku, l.code
