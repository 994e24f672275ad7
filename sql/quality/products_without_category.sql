-- DuckDB. Products that sold and have no category: forecasts and pages cannot put them with their like.
-- severity: notice
-- of: daily_demand
SELECT d.product_id, max(d.day) AS day, sum(d.sold_milli) / 1e3 AS sold
FROM daily_demand d
JOIN products p ON p.product_id = d.product_id
WHERE d.day > $since AND p.category IS NULL
GROUP BY d.product_id
HAVING sum(d.sold_milli) > 0
