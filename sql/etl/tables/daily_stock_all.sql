-- DuckDB. Every pair from its first day on; where {settled}, without those whose cost took a step since the last run.
SELECT product_id, location_id, min(day) AS first_day
FROM (SELECT product_id, location_id, day FROM daily_demand
      UNION ALL
      SELECT product_id, location_id, day FROM daily_stock)
WHERE NOT {settled}
   OR (product_id, location_id) NOT IN (SELECT (product_id, location_id) FROM revalued)
GROUP BY product_id, location_id
