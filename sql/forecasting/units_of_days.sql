-- Actual demand in some periods (from first_days to days), as the models count it, by product and location with all
-- keys that levels can group by.
SELECT w.day, p.sku AS product, p.department, p.category, l.code AS location, l.region, l.country,
       sum(d.sold_milli - greatest(0, least(d.returned_milli, d.sold_milli))) / 1000.0::float8 AS units
FROM unnest(CAST(:first_days AS date[]), CAST(:days AS date[])) AS w (first_day, day)
JOIN daily_demand d ON d.day BETWEEN w.first_day AND w.day
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE d.sold_milli > 0
GROUP BY w.day, p.product_id, l.location_id
