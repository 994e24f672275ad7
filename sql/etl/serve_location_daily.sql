-- Sum the touched days of the touched locations again.
INSERT INTO location_daily (location_id, day, sold_milli, returned_milli, revenue_micros, orders, out_of_stock, active)
SELECT d.location_id, d.day, sum(d.sold_milli), sum(d.returned_milli), sum(d.revenue_micros), sum(d.orders),
       count(*) FILTER (WHERE d.censored), count(*)
FROM daily_demand d
WHERE (d.location_id, d.day) IN (SELECT DISTINCT location_id, day FROM staged_demand)
GROUP BY d.location_id, d.day
