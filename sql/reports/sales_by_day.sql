-- Sales by day: units sold less returns by unit of the products, and revenue of sales less returns by currency.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter first date: first day; the earliest where left out
-- parameter last date: last day; the newest where left out
SELECT d.day, p.unit, d.currency, sum(d.net) AS net_units, sum(d.revenue) AS net_sales
FROM daily_demand d
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
  AND ($department IS NULL OR p.department = $department)
  AND ($category IS NULL OR p.category = $category)
  AND ($first IS NULL OR d.day >= $first)
  AND ($last IS NULL OR d.day <= $last)
GROUP BY d.day, p.unit, d.currency
ORDER BY d.day, p.unit, d.currency
