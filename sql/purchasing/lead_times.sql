-- Lead times by supplier and product, the supplier's own first.
SELECT supplier, product, lines, open_lines, unfulfilled, shares, lake_version, learnt_at
FROM lead_times
WHERE (CAST(:supplier AS text) IS NULL OR supplier = :supplier)
  AND (CAST(:product AS text) IS NULL OR product = :product)
ORDER BY supplier, product NULLS FIRST
LIMIT :limit
