-- What has come of ordered lines, and when they were ordered. Binds: :ids.
SELECT o.line_id, po.ordered_at, coalesce(c.closed_milli, 0) AS received_milli
FROM order_lines o
JOIN purchase_orders po USING (order_id)
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN commitments c ON c.purpose = 'on_order' AND c.reference = o.order_id AND c.product_id = p.product_id
                       AND c.location_id = l.location_id
WHERE o.line_id = ANY(:ids)
