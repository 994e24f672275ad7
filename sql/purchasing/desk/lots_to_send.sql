-- Lots that locations of ours can send of products, the first to expire first; none that has expired. Binds: :sources, :products,
-- :now.
SELECT l.code AS source, p.sku AS product, o.lot, o.expires_on, o.left_milli
FROM unnest(CAST(:sources AS text[]), CAST(:products AS text[])) AS t (source, product)
JOIN locations l ON l.code = t.source
JOIN products p ON p.sku = t.product
JOIN lots_left o ON o.product_id = p.product_id AND o.location_id = l.location_id
WHERE o.left_milli > 0 AND coalesce(o.expires_on >= local_date(CAST(:now AS timestamptz), l.timezone), true)
ORDER BY l.code, p.sku, o.expires_on NULLS LAST, o.lot
