-- A purchase order with its lines as they were sent, no transfer; received: what has come of a product at a place under the order.
-- Binds: :order_id.
SELECT po.order_id, po.supplier, coalesce(po.supplier_name, po.supplier) AS supplier_name, po.email, po.currency, po.ordered_by,
       po.second_approver, o.approved_by, po.ordered_at, o.expected_on, o.line_id, o.order_line, o.state, o.product, o.product_name,
       o.unit, o.supplier_sku, o.location, o.location_name, o.ordered_milli, o.price_micros, o.pack_milli, o.received_milli
FROM purchase_orders po
JOIN listed_lines o USING (order_id)
WHERE po.order_id = :order_id AND po.source IS NULL
ORDER BY o.order_line
