-- DuckDB, over the lake. Each product x location that sold, with its keys and its units of the ranking window.
SELECT
    d.product_id,
    d.location_id,
    p.sku AS product,
    p.department,
    p.category,
    l.code AS location,
    l.region,
    l.country,
    coalesce(p.name, p.sku) AS product_name,
    coalesce(l.name, l.code) AS location_name,
    sum(CASE WHEN d.day > $ranked_since THEN greatest(d.sold_milli - d.returned_milli, 0) ELSE 0 END) / 1000.0 AS units
FROM daily_demand d
LEFT JOIN products p ON p.product_id = d.product_id
LEFT JOIN locations l ON l.location_id = d.location_id
WHERE d.day > $since AND d.day <= $through
GROUP BY ALL
HAVING sum(greatest(d.sold_milli - d.returned_milli, 0)) > 0
ORDER BY d.product_id, d.location_id
