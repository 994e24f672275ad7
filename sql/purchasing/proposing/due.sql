-- What is on order and in transit, by the day on which it is expected; null where nobody said. supplier: of orders of the desk,
-- and of what a warehouse has sent for them, and ordered_on their day. noted_on: when it last changed.
SELECT p.sku AS product, l.code AS location, c.purpose, c.reference, c.expected_on,
       (c.opened_milli - c.closed_milli) / 1000.0::float8 AS units, po.supplier,
       c.updated_at::date AS noted_on, po.ordered_at::date AS ordered_on
FROM commitments c
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN order_lines sent ON c.purpose = 'in_transit' AND sent.source IS NOT NULL
                          AND sent.order_id || '-' || sent.order_line = c.reference
LEFT JOIN purchase_orders po ON po.order_id = CASE WHEN c.purpose = 'on_order' THEN c.reference ELSE sent.order_id END
WHERE c.opened_milli > c.closed_milli AND c.purpose IN ('on_order', 'in_transit')
