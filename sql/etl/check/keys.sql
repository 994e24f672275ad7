-- Products, locations, sources, kinds and customers that the ledger names exist.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE p.product_id IS NULL OR o.location_id IS NULL OR s.source_id IS NULL OR k.kind IS NULL
                              OR (u.pseudonym IS NULL AND l.customer_id IS NOT NULL)) AS differ
FROM ledger l
LEFT JOIN products p USING (product_id)
LEFT JOIN locations o USING (location_id)
LEFT JOIN sources s USING (source_id)
LEFT JOIN event_kinds k USING (kind)
LEFT JOIN customers u ON u.pseudonym = l.customer_id
