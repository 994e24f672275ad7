-- What came on some days, by product and location with all that levels can group by: demand as the models count it.
SELECT d.day, p.sku AS product, p.department, p.category, l.code AS location, l.region, l.country,
       (d.sold_milli - greatest(0, least(d.returned_milli, d.sold_milli))) / 1000.0::float8 AS units
FROM daily_demand d
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE d.day = ANY(CAST(:days AS date[])) AND d.sold_milli > 0
