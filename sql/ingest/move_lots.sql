-- Move the stock of lots. The pairs are locked already. Binds: $1 rows.
INSERT INTO lots AS l (product_id, location_id, lot, on_hand_milli, expires_on)
SELECT product_id, location_id, lot, quantity_milli, expires_on
FROM jsonb_to_recordset($1::jsonb) AS t (product_id int, location_id int, lot text, quantity_milli bigint,
                                         expires_on date)
ORDER BY 1, 2, 3
ON CONFLICT (product_id, location_id, lot) DO UPDATE
SET on_hand_milli = l.on_hand_milli + excluded.on_hand_milli,
    expires_on = coalesce(excluded.expires_on, l.expires_on)
