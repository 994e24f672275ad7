-- Moves of all runs that have not come yet, the oldest first, each with what of it has.
SELECT c.reference AS transfer_id, p.sku AS product, coalesce(p.name, p.sku) AS product_name, p.unit,
       f.code AS source, coalesce(f.name, f.code) AS source_name, t.code AS target, coalesce(t.name, t.code) AS target_name,
       c.opened_milli / 1000.0::float8 AS units, c.closed_milli / 1000.0::float8 AS came, r.as_of
FROM commitments c
JOIN products p USING (product_id)
JOIN locations t USING (location_id)
LEFT JOIN order_runs r ON r.order_run_id::text = split_part(c.reference, '-', 2)
LEFT JOIN locations f ON f.code = r.detail -> 'moves' -> (split_part(c.reference, '-', 3)::int - 1) ->> 'source'
WHERE c.purpose = 'in_transit' AND c.reference ~ '^MV-[0-9]{1,9}-[0-9]{1,9}$' AND c.opened_milli > c.closed_milli
ORDER BY r.as_of, c.reference, p.sku
