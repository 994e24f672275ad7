-- Average price: net sales by net units, by day, currency and unit; empty on days whose returns equal their sales.
SELECT d.day, d.currency, p.unit, sum(d.revenue)::DOUBLE / nullif(sum(d.net), 0)::DOUBLE AS average_price
FROM daily_demand d
JOIN products p USING (product_id)
GROUP BY d.day, d.currency, p.unit
ORDER BY d.day, d.currency, p.unit
