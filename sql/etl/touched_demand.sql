-- DuckDB. The rows of daily_demand that movements since $since may have made or changed, as they stand in the lake.
WITH touched AS (
    SELECT product_id, location_id, min(day) AS first_day
    FROM movements
    WHERE xid >= $since
    GROUP BY ALL
)
SELECT d.*
FROM daily_demand d
JOIN touched t ON t.product_id = d.product_id AND t.location_id = d.location_id AND d.day >= t.first_day
