-- Units and revenue by day, over all locations or one, for the last days up to the newest.
WITH newest AS (SELECT max(day) AS day FROM location_daily)
SELECT d.day,
       sum(d.sold_milli) / 1000.0::float8 AS sold,
       sum(d.returned_milli) / 1000.0::float8 AS returned,
       sum(d.revenue_micros) / 1e6::float8 AS revenue,
       sum(d.orders)::int AS orders,
       sum(d.out_of_stock)::int AS out_of_stock,
       sum(d.active)::int AS active
FROM location_daily d
JOIN locations l USING (location_id)
CROSS JOIN newest
WHERE d.day > newest.day - CAST(:days AS int)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
GROUP BY d.day
ORDER BY d.day
