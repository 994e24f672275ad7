-- Products out of stock now that sold in the last four weeks, by location and department.
SELECT coalesce(l.name, l.code) AS location, coalesce(p.department, 'no department') AS department,
       count(*)::int AS products,
       string_agg(coalesce(p.name, p.sku), ', ' ORDER BY s.sales_score DESC) AS names,
       count(*) OVER ()::int AS found
FROM stock s
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
WHERE known_stock(s.known, s.on_hand_milli) = 0 AND s.last_sale_at > newest.at - INTERVAL '28 days'
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (CAST(:department AS text) IS NULL OR p.department = :department)
  AND (CAST(:category AS text) IS NULL OR p.category = :category)
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT :limit
