-- What suppliers with price breaks bill for a unit, by supplier and product, ascending: from 0 units on the list price, where it
-- is known. Binds: :lines, of the products of these lines alone, or null.
WITH asked AS (
    SELECT DISTINCT supplier, product FROM order_lines
    WHERE CAST(:lines AS bigint[]) IS NULL AND state IN ('proposed', 'waiting') OR line_id = ANY(CAST(:lines AS bigint[]))
)
SELECT b.supplier, b.product, b.from_quantity_milli AS from_milli, b.price_micros
FROM price_breaks b
JOIN asked USING (supplier, product)
WHERE b.withdrawn_at IS NULL
UNION ALL
SELECT s.supplier, s.product, 0, s.price_micros
FROM supplier_products s
JOIN asked USING (supplier, product)
WHERE s.withdrawn_at IS NULL AND s.price_micros IS NOT NULL
      AND EXISTS (SELECT FROM price_breaks b
                  WHERE b.supplier = s.supplier AND b.product = s.product AND b.withdrawn_at IS NULL)
ORDER BY supplier, product, from_milli
