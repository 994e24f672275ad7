-- Lines of the desk, those first that risk most. received: what came of an ordered line's product at its place under its
-- order. late: of ordered lines only those that should have come by :today and have not in full.
SELECT o.line_id, o.supplier, coalesce(s.name, o.supplier) AS supplier_name, o.product, coalesce(p.name, o.product) AS product_name,
       p.unit, p.category, p.department, o.location, coalesce(l.name, o.location) AS location_name, o.state, o.order_run_id,
       o.proposed_milli, o.buyer_milli, coalesce(o.buyer_milli, o.proposed_milli) AS quantity_milli, o.explanation,
       o.at_risk_micros, o.snoozed_until, o.approved_by, o.price_micros, o.currency, o.order_id, o.order_line, o.ordered_milli,
       po.expected_on, po.ordered_at, CASE WHEN o.order_id IS NOT NULL THEN coalesce(c.closed_milli, 0) END AS received_milli,
       o.version, o.made_at, o.changed_at, count(*) OVER ()::int AS found
FROM order_lines o
JOIN products p ON p.sku = o.product
JOIN locations l ON l.code = o.location
LEFT JOIN suppliers s ON s.supplier = o.supplier AND s.withdrawn_at IS NULL
LEFT JOIN purchase_orders po USING (order_id)
LEFT JOIN commitments c ON c.purpose = 'on_order' AND c.reference = o.order_id AND c.product_id = p.product_id
                       AND c.location_id = l.location_id
WHERE o.state = ANY(:states)
  AND (NOT :late OR (po.expected_on < CAST(:today AS date) AND c.opened_milli > c.closed_milli))
  AND (CAST(:supplier AS text) IS NULL OR o.supplier = :supplier)
  AND (CAST(:product AS text) IS NULL OR o.product = :product)
  AND (CAST(:location AS text) IS NULL OR o.location = :location)
  AND (CAST(:department AS text) IS NULL OR p.department = :department)
  AND (CAST(:category AS text) IS NULL OR p.category = :category)
ORDER BY coalesce(o.at_risk_micros, 0) DESC, o.line_id
OFFSET :offset
LIMIT :limit
