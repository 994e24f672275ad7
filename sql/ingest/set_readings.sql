-- Keep the newest reading of each pair. The pairs are locked already. Binds: $1 rows.
UPDATE stock s
SET sensed_milli = t.observed_milli, sensed_at = t.occurred_at
FROM jsonb_to_recordset($1::jsonb) AS t (product_id int, location_id int, observed_milli bigint,
                                         occurred_at timestamptz)
WHERE s.product_id = t.product_id AND s.location_id = t.location_id
  AND t.occurred_at >= coalesce(s.sensed_at, '-infinity')
