-- Products out of stock now that sold in the last four weeks, by location and department.
SELECT coalesce(l.name, l.code) AS location, coalesce(p.department, 'no department') AS department,
       count(*)::int AS products,
       string_agg(coalesce(p.name, p.sku), ', ' ORDER BY s.sales_score DESC) AS names
FROM stock s
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
CROSS JOIN (SELECT max(last_sale_at) AS at FROM stock) newest
WHERE known_stock(s.known, s.on_hand_milli) = 0 AND s.last_sale_at > newest.at - INTERVAL '28 days'
GROUP BY 1, 2
ORDER BY 3 DESC, 1, 2
LIMIT 10
