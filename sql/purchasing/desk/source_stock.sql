-- What locations of ours can send of products now: on hand, less what has expired there and what is promised to customers.
-- Binds: :sources, :products, :now.
SELECT l.code AS source, p.sku AS product,
       greatest(s.on_hand_milli - coalesce(x.expired_milli, 0) - q.promised_milli, 0) AS milli
FROM unnest(CAST(:sources AS text[]), CAST(:products AS text[])) AS t (source, product)
JOIN locations l ON l.code = t.source
JOIN products p ON p.sku = t.product
JOIN stock s ON s.product_id = p.product_id AND s.location_id = l.location_id
JOIN stock_position q ON q.product_id = p.product_id AND q.location_id = l.location_id
LEFT JOIN LATERAL (SELECT sum(o.left_milli) AS expired_milli
                   FROM lots_left o
                   WHERE o.product_id = p.product_id AND o.location_id = l.location_id
                     AND o.expires_on < local_date(CAST(:now AS timestamptz), l.timezone)) x ON true
