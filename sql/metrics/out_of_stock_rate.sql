-- Out-of-stock rate: known shelf-days without stock for a time, of all known shelf-days, by day.
SELECT day, sum(empty)::BIGINT AS empty, sum(known)::BIGINT AS known,
       sum(empty)::DOUBLE / nullif(sum(known), 0)::DOUBLE AS out_of_stock_rate
FROM shelf_days
WHERE day <= (SELECT max(day) FROM daily_demand)
GROUP BY day
ORDER BY day
