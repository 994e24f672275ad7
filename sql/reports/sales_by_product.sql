-- Sales by product: units sold less returns, revenue of sales less returns by currency, and the days on which it sold,
-- in the last days with data; best sellers first.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
)
SELECT p.sku, p.name, p.department, p.category, p.unit, d.currency, sum(d.net) AS net_units, sum(d.revenue) AS net_sales,
       count(DISTINCT d.day) FILTER (WHERE d.sold > 0) AS days_sold
FROM daily_demand d
JOIN newest n ON d.day > n.day - $days
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
  AND ($department IS NULL OR p.department = $department)
  AND ($category IS NULL OR p.category = $category)
GROUP BY ALL
ORDER BY net_sales DESC, p.sku, d.currency
