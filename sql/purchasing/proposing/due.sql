-- What is on order and in transit, by the day on which it is expected; null where nobody said. supplier: of orders of the desk,
-- and of what a warehouse has sent for them. noted_on: when it last changed.
SELECT p.sku AS product, l.code AS location, c.purpose, c.reference, c.expected_on,
       (c.opened_milli - c.closed_milli) / 1000.0::float8 AS units, coalesce(po.supplier, sent.supplier) AS supplier,
       c.updated_at::date AS noted_on
FROM commitments c
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN purchase_orders po ON c.purpose = 'on_order' AND po.order_id = c.reference
LEFT JOIN order_lines sent ON c.purpose = 'in_transit' AND sent.source IS NOT NULL
                          AND sent.order_id || '-' || sent.order_line = c.reference
WHERE c.opened_milli > c.closed_milli AND c.purpose IN ('on_order', 'in_transit')
