-- What is on order and in transit, by the day on which it is expected; null where nobody said. supplier: of orders of
-- the desk. noted_on: when it last changed.
SELECT p.sku AS product, l.code AS location, c.purpose, c.reference, c.expected_on,
       (c.opened_milli - c.closed_milli) / 1000.0::float8 AS units, po.supplier,
       c.updated_at::date AS noted_on
FROM commitments c
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN purchase_orders po ON c.purpose = 'on_order' AND po.order_id = c.reference
WHERE c.opened_milli > c.closed_milli AND c.purpose IN ('on_order', 'in_transit')
