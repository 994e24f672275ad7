-- A page of stock levels; keyset by sku and location.
SELECT p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name, p.unit,
       s.on_hand_milli, s.known, s.counted_at, s.last_sale_at, s.updated_at
FROM stock s
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE (CAST(:product AS text) IS NULL OR p.sku = :product)
  AND (CAST(:location AS text) IS NULL OR l.code = :location)
  AND (p.sku, l.code) > (:after_product, :after_location)
ORDER BY p.sku, l.code
LIMIT :limit
