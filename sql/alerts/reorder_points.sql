-- A page of reorder points; keyset by sku and location.
SELECT p.sku AS product, l.code AS location, r.reorder_point_milli, p.unit, r.updated_by, r.updated_at
FROM reorder_points r
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE (CAST(:product AS text) IS NULL OR p.sku = :product)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (p.sku, l.code) > (:after_product, :after_location)
ORDER BY p.sku, l.code
LIMIT :limit
