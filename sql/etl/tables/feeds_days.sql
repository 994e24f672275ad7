-- DuckDB. What each source sent of each business day, and how many hours after the end of the day it had been recorded.
WITH ends AS (
    SELECT d.day, z.location_id,
           coalesce(TRY(timezone(z.timezone, (d.day + 1)::TIMESTAMP)), timezone('UTC', (d.day + 1)::TIMESTAMP)) AS ends_at
    FROM (SELECT DISTINCT day, location_id FROM concerned) d
    JOIN locations z ON z.location_id = d.location_id
),
rows AS (
    SELECT c.*, e.ends_at, (epoch_us(c.recorded_at) - epoch_us(e.ends_at)) / 3600e6 AS late
    FROM concerned c
    JOIN ends e ON e.day = c.day AND e.location_id = c.location_id
    WHERE c.leg = 0
)
SELECT source, day, max(ends_at) AS ends_at, count(*) AS events, count(DISTINCT (product_id, location_id)) AS pairs,
       count(*) FILTER (WHERE late <= 0) AS arrived_0h,
       count(*) FILTER (WHERE late <= 1) AS arrived_1h,
       count(*) FILTER (WHERE late <= 3) AS arrived_3h,
       count(*) FILTER (WHERE late <= 6) AS arrived_6h,
       count(*) FILTER (WHERE late <= 12) AS arrived_12h,
       count(*) FILTER (WHERE late <= 24) AS arrived_24h,
       count(*) FILTER (WHERE late <= 48) AS arrived_48h,
       count(*) FILTER (WHERE late <= 72) AS arrived_72h,
       count(*) FILTER (WHERE late <= 168) AS arrived_168h,
       min(recorded_at) AS first_recorded_at, max(recorded_at) AS last_recorded_at,
       min(entry_id) AS first_entry_id, max(entry_id) AS last_entry_id, any_value(month) AS month
FROM rows
GROUP BY source, day
