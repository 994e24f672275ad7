-- Moves of the newest run, in its order, with names and what became of each. is_closed: not all of it came. sent_since: a move of another run was sent to the same
-- shop, or came there, since the newest looked; with 2 seconds for one that was just being sent then. Binds: :moves, numbers, or
-- null for all.
SELECT 'MV-' || r.order_run_id || '-' || m.number AS transfer_id, m.number::int, r.as_of,
       m.move ->> 'product' AS product, coalesce(p.name, p.sku) AS product_name, p.unit,
       m.move ->> 'source' AS source, coalesce(f.name, f.code) AS source_name,
       m.move ->> 'target' AS target, coalesce(t.name, t.code) AS target_name,
       (m.move ->> 'units')::float8 AS units, (m.move ->> 'worth')::float8 AS worth, m.move ->> 'currency' AS currency,
       (m.move ->> 'wanted')::float8 AS wanted, greatest(s.on_hand_milli, 0) / 1000.0::float8 AS on_hand,
       c.reference IS NOT NULL AS is_sent, coalesce(c.closed_milli >= c.opened_milli, false) AS has_arrived,
       coalesce(c.opened_milli < (m.move ->> 'units')::numeric * 1000, false) AS is_closed,
       EXISTS (SELECT FROM commitments e
               WHERE e.purpose = 'in_transit' AND e.product_id = p.product_id AND e.location_id = t.location_id
                 AND e.opened_milli > 0 AND e.reference LIKE 'MV-%' AND e.reference NOT LIKE 'MV-' || r.order_run_id || '-%'
                 AND e.updated_at > r.as_of - interval '2 seconds') AS sent_since
FROM (SELECT order_run_id, as_of, detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1) r
CROSS JOIN jsonb_array_elements(coalesce(r.detail -> 'moves', '[]')) WITH ORDINALITY AS m (move, number)
JOIN products p ON p.sku = m.move ->> 'product'
JOIN locations f ON f.code = m.move ->> 'source'
JOIN locations t ON t.code = m.move ->> 'target'
LEFT JOIN stock s ON s.product_id = p.product_id AND s.location_id = f.location_id
LEFT JOIN commitments c ON c.purpose = 'in_transit' AND c.product_id = p.product_id AND c.location_id = t.location_id
                       AND c.reference = 'MV-' || r.order_run_id || '-' || m.number
WHERE CAST(:moves AS bigint[]) IS NULL OR m.number = ANY(:moves)
ORDER BY m.number
