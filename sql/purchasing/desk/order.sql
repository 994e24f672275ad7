-- A purchase order with its lines, no transfer; received: what has come of a product at a place under the order. Binds: :order_id.
SELECT po.order_id, po.supplier, coalesce(s.name, po.supplier) AS supplier_name, s.email, po.currency, po.ordered_by,
       po.second_approver, o.approved_by, po.ordered_at, po.expected_on, o.line_id, o.order_line, o.state, o.product,
       coalesce(p.name, o.product) AS product_name, p.unit, sp.sku AS supplier_sku, o.location,
       coalesce(l.name, o.location) AS location_name, o.ordered_milli, o.price_micros, sp.pack_milli,
       coalesce(c.closed_milli, 0) AS received_milli
FROM purchase_orders po
JOIN order_lines o USING (order_id)
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN suppliers s ON s.supplier = po.supplier AND s.withdrawn_at IS NULL
LEFT JOIN supplier_products sp ON sp.supplier = po.supplier AND sp.product = o.product AND sp.withdrawn_at IS NULL
LEFT JOIN commitments c ON c.purpose = 'on_order' AND c.reference = po.order_id AND c.product_id = p.product_id
                       AND c.location_id = l.location_id
WHERE po.order_id = :order_id AND po.source IS NULL
ORDER BY o.order_line
