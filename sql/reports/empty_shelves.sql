-- Empty shelves: products without stock that sold in the four weeks before the newest sale, by location, best sellers of the
-- last 28 days first.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH newest AS (
    SELECT max(last_sale_at) AS at FROM stock
),
sold AS (
    SELECT product_id, location_id, sum(net) AS units
    FROM daily_demand
    WHERE day > (SELECT max(day) FROM daily_demand) - 28
    GROUP BY product_id, location_id
)
SELECT l.code AS location, p.department, p.sku, p.name, p.unit, s.units AS sold_in_28_days, k.last_sale_at
FROM stock k
JOIN newest n ON k.last_sale_at > n.at - INTERVAL 28 DAY
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN sold s USING (product_id, location_id)
WHERE k.on_hand = 0
  AND ($location IS NULL OR l.code = $location)
  AND ($department IS NULL OR p.department = $department)
  AND ($category IS NULL OR p.category = $category)
ORDER BY s.units DESC NULLS LAST, l.code, p.sku
