-- Probable phantom stock: shelves whose book says stock and that stopped selling, though at the share of days on which they used to
-- sell (91 days up to the last sale) so many days without a sale had a chance of less than the limit. Days on which the location sold nothing do not count.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter chance number = 0.01: limit of the chance
-- parameter rows integer: rows at most; all of them where left out
WITH
-- part unit_values,
newest AS (
    SELECT max(day) AS day FROM daily_demand
),
open_days AS (
    SELECT DISTINCT d.location_id, d.day
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 182
    WHERE d.sold > 0
),
last_sales AS (
    SELECT d.product_id, d.location_id, max(d.day) AS day
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 91
    WHERE d.sold > 0
    GROUP BY d.product_id, d.location_id
),
counted AS (
    SELECT s.product_id, s.location_id, any_value(t.day) AS last_sold,
           count(*) FILTER (WHERE s.day <= t.day) AS days_before,
           count(*) FILTER (WHERE s.day <= t.day AND d.sold > 0) AS days_sold,
           count(*) FILTER (WHERE s.day > t.day) AS days_without
    FROM last_sales t
    JOIN daily_stock s ON s.product_id = t.product_id AND s.location_id = t.location_id AND s.day > t.day - 91
    JOIN open_days o ON o.location_id = s.location_id AND o.day = s.day
    LEFT JOIN daily_demand d ON d.product_id = s.product_id AND d.location_id = s.location_id AND d.day = s.day
    WHERE NOT s.out_of_stock
    GROUP BY s.product_id, s.location_id
),
-- one more day without a sale than was seen: a shelf that sold on each of few days is not certain to
judged AS (
    SELECT *, pow(1 - days_sold / (days_before + 1), days_without) AS chance FROM counted WHERE days_before >= 14
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, l.code, coalesce(l.name, l.code) AS location, k.on_hand::DOUBLE AS on_hand,
       p.unit, j.last_sold, j.days_sold, j.days_before, j.days_without, j.chance, k.on_hand::DOUBLE * v.unit_value AS value,
       v.currency, count(*) OVER () AS found
FROM judged j
JOIN stock k USING (product_id, location_id)
JOIN unit_values v USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND k.on_hand > 0 AND j.chance < $chance
ORDER BY value DESC NULLS LAST, j.chance, p.sku, l.code
LIMIT $rows
