-- Keep the newest price of each pair. The pairs are locked already. Binds: $1 rows.
UPDATE stock s
SET price_micros = t.price_micros, currency = t.currency, promotion = t.promotion, price_at = t.occurred_at
FROM jsonb_to_recordset($1::jsonb) AS t (product_id int, location_id int, price_micros bigint, currency text,
                                         promotion boolean, occurred_at timestamptz)
WHERE s.product_id = t.product_id AND s.location_id = t.location_id
  AND t.occurred_at >= coalesce(s.price_at, '-infinity')
