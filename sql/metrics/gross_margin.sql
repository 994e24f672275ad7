-- Gross margin: net sales less net units at the present average cost, as a share of net sales, by day and currency. Only
-- what has a cost in the currency it was sold in counts; covered_sales is that part of net sales.
SELECT d.day, d.currency, sum(d.revenue) AS covered_sales, sum(d.net * s.cost) AS cost,
       1 - sum(d.net * s.cost)::DOUBLE / nullif(sum(d.revenue), 0)::DOUBLE AS gross_margin
FROM daily_demand d
JOIN stock s ON s.product_id = d.product_id AND s.location_id = d.location_id AND s.cost_currency = d.currency
GROUP BY d.day, d.currency
ORDER BY d.day, d.currency
