-- DuckDB. The rows that differ from those that daily_demand has, and as gone those of days of which nothing is left.
WITH present AS (
    SELECT d.* FROM daily_demand d
    JOIN touched t ON t.product_id = d.product_id AND t.location_id = d.location_id AND d.day >= t.first_day
)
SELECT *, false AS gone
FROM (SELECT * FROM wanted EXCEPT SELECT * FROM present)
UNION ALL
SELECT *, true
FROM present p
WHERE NOT EXISTS (SELECT 1 FROM wanted w
                  WHERE w.product_id = p.product_id AND w.location_id = p.location_id AND w.day = p.day)
