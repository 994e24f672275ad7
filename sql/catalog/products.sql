-- A page of products, by search text in sku, name, department or category; keyset by sku. on_hand: of the places whose
-- stock is known, null where none is.
SELECT p.sku, p.name, p.department, p.category, p.unit, p.price_micros, p.currency,
       s.on_hand_milli, s.known, s.below_zero, s.out_of_stock, s.locations, s.last_sale_at
FROM products p
CROSS JOIN LATERAL (
    SELECT sum(k.milli)::bigint AS on_hand_milli, count(k.milli) AS known, max(s.last_sale_at) AS last_sale_at,
           count(*) FILTER (WHERE s.known AND s.on_hand_milli < 0) AS below_zero,
           count(*) FILTER (WHERE k.milli = 0) AS out_of_stock, count(*) AS locations
    FROM stock s
    CROSS JOIN LATERAL (SELECT known_stock(s.known, s.on_hand_milli) AS milli) k
    WHERE s.product_id = p.product_id
) s
WHERE p.sku > :after
  AND (:q = '' OR p.sku ILIKE '%' || :q || '%' OR p.name ILIKE '%' || :q || '%'
       OR p.department ILIKE '%' || :q || '%' OR p.category ILIKE '%' || :q || '%')
ORDER BY p.sku
LIMIT :limit
