-- A page of products, by search text in sku, name, department or category; keyset by sku.
SELECT p.sku, p.name, p.department, p.category, p.unit, p.price_micros, p.currency,
       coalesce(s.on_hand_milli, 0) AS on_hand_milli, coalesce(s.known, false) AS known,
       coalesce(s.out_of_stock, 0) AS out_of_stock, coalesce(s.locations, 0) AS locations, s.last_sale_at
FROM products p
LEFT JOIN LATERAL (
    SELECT sum(on_hand_milli)::bigint AS on_hand_milli, bool_or(known) AS known, max(last_sale_at) AS last_sale_at,
           count(*) FILTER (WHERE known AND on_hand_milli <= 0) AS out_of_stock, count(*) AS locations
    FROM stock
    WHERE product_id = p.product_id
) s ON true
WHERE p.sku > :after
  AND (:q = '' OR p.sku ILIKE '%' || :q || '%' OR p.name ILIKE '%' || :q || '%'
       OR p.department ILIKE '%' || :q || '%' OR p.category ILIKE '%' || :q || '%')
ORDER BY p.sku
LIMIT :limit
