-- DuckDB. The pairs that movements from transaction $since or from the day $again on tell of, or that are of a product in
-- `retold`, and the first day of each that has to be looked at.
SELECT product_id, location_id, min(day) AS first_day
FROM movements
WHERE (xid >= $since OR day >= $again OR product_id IN (SELECT product_id FROM retold))
  AND kind IN (SELECT kind FROM event_kinds WHERE sign <> 0 OR is_count OR sets_price)
GROUP BY product_id, location_id
