-- What the numbers kept of some products mean: their unit, packs and currency, whether stock is kept in it, and what names no
-- currency of its own.
SELECT p.sku, p.unit, p.packs, p.currency, p.price_micros,
       EXISTS (SELECT FROM stock s WHERE s.product_id = p.product_id) AS moved,
       CASE WHEN EXISTS (SELECT FROM ledger l
                         WHERE l.product_id = p.product_id AND l.currency IS NULL
                           AND (l.price_micros IS NOT NULL OR l.cost_micros IS NOT NULL
                                OR l.line_total_micros IS NOT NULL)) THEN 'amounts'
            WHEN EXISTS (SELECT FROM calendar_plans c
                         WHERE c.product = p.sku AND c.price_micros IS NOT NULL) THEN 'planned prices' END AS counted_in
FROM products p
WHERE p.sku = ANY(:skus)
