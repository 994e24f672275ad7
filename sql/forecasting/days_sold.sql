-- DuckDB, over the lake. Days of a window on which a location sold anything; the rhythm is recognised from them.
SELECT DISTINCT l.code AS location, CAST(d.day AS TIMESTAMP) AS day
FROM daily_demand d
JOIN locations l USING (location_id)
WHERE d.day > $since AND d.day <= $through AND d.sold_milli > d.returned_milli
ORDER BY location, day
