-- Lead times by supplier and product, the supplier's own first, with what the terms in force promise.
SELECT t.supplier, t.product, p.name AS product_name, t.lines, t.open_lines, t.unfulfilled, t.shares, t.lake_version,
       t.learnt_at, coalesce(o.lead_days, s.lead_days) AS promised_days
FROM lead_times t
LEFT JOIN products p ON p.sku = t.product
LEFT JOIN suppliers s ON s.supplier = t.supplier AND s.withdrawn_at IS NULL
LEFT JOIN supplier_products o ON o.supplier = t.supplier AND o.product = t.product AND o.withdrawn_at IS NULL
WHERE (CAST(:supplier AS text) IS NULL OR t.supplier = :supplier)
  AND (CAST(:product AS text) IS NULL OR t.product = :product)
ORDER BY t.supplier, t.product NULLS FIRST
LIMIT :limit
