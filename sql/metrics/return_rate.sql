-- Return rate: units brought back by units sold, by day and unit of the products; empty on days without sales.
SELECT d.day, p.unit, sum(d.returned)::DOUBLE / nullif(sum(d.sold), 0)::DOUBLE AS return_rate
FROM daily_demand d
JOIN products p USING (product_id)
GROUP BY d.day, p.unit
ORDER BY d.day, p.unit
