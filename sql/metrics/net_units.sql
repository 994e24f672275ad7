-- Net units: units sold less returns, by day and unit of the products.
SELECT d.day, p.unit, sum(d.net) AS net_units
FROM daily_demand d
JOIN products p USING (product_id)
GROUP BY d.day, p.unit
ORDER BY d.day, p.unit
