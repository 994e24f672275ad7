-- Keep with lines that are ordered now what their supplier is told of them: the day, pack and code by the terms in force, unit and
-- names. Binds: :lines, :days, one of the other.
UPDATE order_lines o
SET expected_on = a.day, pack_milli = sp.pack_milli, supplier_sku = sp.sku, unit = p.unit,
    product_name = coalesce(p.name, p.sku), location_name = coalesce(l.name, l.code)
FROM unnest(CAST(:lines AS bigint[]), CAST(:days AS date[])) AS a (line_id, day)
JOIN order_lines self USING (line_id)
JOIN products p ON p.sku = self.product
JOIN locations l ON l.code = self.location
LEFT JOIN supplier_products sp ON sp.supplier = self.supplier AND sp.product = self.product AND sp.withdrawn_at IS NULL
WHERE o.line_id = a.line_id
