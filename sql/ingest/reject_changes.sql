-- The pairs that this transaction has touched so far, with the stock that they would have.
SELECT DISTINCT s.product_id, s.location_id, p.sku AS product, l.code AS location, s.on_hand_milli
FROM stock_changes c
CROSS JOIN LATERAL unnest(c.product_ids, c.location_ids) AS pair (product_id, location_id)
JOIN stock s USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE c.change_id > :after AND c.xmin = pg_current_xact_id()::xid
ORDER BY product, location
