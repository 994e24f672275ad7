-- Net sales: revenue of sales less returns at the prices of the lines, by day and currency.
SELECT day, currency, sum(revenue) AS net_sales
FROM daily_demand
GROUP BY day, currency
ORDER BY day, currency
