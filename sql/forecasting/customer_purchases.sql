-- DuckDB. What customers of a currency bought, less what came back on the same day; what came back on another day is left out.
SELECT n.number AS unique_id, d.day AS ds, greatest((d.sales - d.returns)::DOUBLE, 0) AS value
FROM customer_days d
JOIN numbered n ON n.currency = d.currency AND n.customer = d.customer
WHERE d.currency = $currency
