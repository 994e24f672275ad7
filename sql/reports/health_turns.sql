-- Turns and sell-through by department, category and currency. Turns: cost of the units sold in the last 91 days with data, by the
-- average value of the stock of these days, a year. Sell-through: units sold in the last 28 days, of those, what is on hand and what is on order, all at the present average cost (or selling price where no costs are recorded).
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
WITH
-- part unit_values,
newest AS (
    SELECT max(day) AS day FROM daily_demand
),
sold AS (
    SELECT d.product_id, d.location_id, sum(d.net)::DOUBLE AS units,
           coalesce(sum(d.net) FILTER (WHERE d.day > n.day - 28), 0)::DOUBLE AS units_28
    FROM daily_demand d
    JOIN newest n ON d.day > n.day - 91
    GROUP BY d.product_id, d.location_id
),
held AS (
    SELECT s.product_id, s.location_id, sum(s.on_hand)::DOUBLE / 91 AS units
    FROM daily_stock s
    JOIN newest n ON s.day > n.day - 91 AND s.day <= n.day
    GROUP BY s.product_id, s.location_id
),
shelves AS (
    SELECT p.department, p.category, v.currency, v.unit_value AS cost, coalesce(s.units, 0) AS units,
           coalesce(s.units_28, 0) AS units_28, coalesce(k.on_hand, 0)::DOUBLE AS on_hand,
           coalesce(k.on_order, 0)::DOUBLE AS on_order, coalesce(h.units, 0) * v.unit_value AS value
    FROM stock k
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN unit_values v USING (product_id, location_id)
    LEFT JOIN sold s USING (product_id, location_id)
    LEFT JOIN held h USING (product_id, location_id)
    WHERE v.unit_value IS NOT NULL
      AND ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
)
SELECT department, category, currency, sum(on_hand * cost) AS stock_value, sum(on_order * cost) AS on_order_value,
       sum(value) AS average_value, sum(units * cost) * 365 / 91 / nullif(sum(value), 0) AS turns,
       sum(units_28 * cost) / nullif(sum((units_28 + on_hand + on_order) * cost), 0) AS sell_through
FROM shelves
GROUP BY department, category, currency
ORDER BY stock_value DESC, department, category, currency
