-- Sell-through: units sold in the last 28 days with data, of those and what is on hand now, by product and location whose
-- stock is known.
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
),
sold AS (
    SELECT d.product_id, d.location_id, sum(d.net) AS units
    FROM daily_demand d, newest n
    WHERE d.day > n.day - 28
    GROUP BY d.product_id, d.location_id
)
SELECT p.sku, l.code AS location, s.units AS sold, k.on_hand,
       s.units::DOUBLE / nullif(s.units + k.on_hand, 0)::DOUBLE AS sell_through
FROM sold s
JOIN stock k USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE k.on_hand IS NOT NULL
ORDER BY p.sku, l.code
