-- A page of stock levels; keyset by sku and location. Open references are summed for this page only. book: what the
-- movements add up to; what depends on it is null where it is not the stock.
SELECT p.sku AS product, p.name AS product_name, l.code AS location, l.name AS location_name, p.unit,
       k.milli AS on_hand_milli, s.on_hand_milli AS book_milli, s.known, s.counted_at, s.last_sale_at, s.updated_at,
       q.on_order_milli, q.in_transit_milli, q.promised_milli,
       CASE WHEN k.milli IS NOT NULL THEN q.available_milli END AS available_milli,
       q.cost_micros, CASE WHEN k.milli IS NOT NULL THEN q.value_micros END AS value_micros,
       coalesce(q.cost_currency, s.currency, p.currency, :currency) AS currency
FROM (
    SELECT s.product_id, s.location_id, p.sku, o.code
    FROM stock s
    JOIN products p USING (product_id)
    JOIN locations o USING (location_id)
    WHERE (CAST(:product AS text) IS NULL OR p.sku = :product)
      AND (CAST(:location AS text) IS NULL OR o.code = :location)
      AND (p.sku, o.code) > (:after_product, :after_location)
    ORDER BY p.sku, o.code
    LIMIT :limit
) page
JOIN stock s USING (product_id, location_id)
CROSS JOIN LATERAL (SELECT known_stock(s.known, s.on_hand_milli) AS milli) k
JOIN stock_position q USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
ORDER BY p.sku, l.code
