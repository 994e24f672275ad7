-- Add what a batch opens and closes under references. The pairs are locked already. Binds: $1 rows.
INSERT INTO commitments AS c (purpose, reference, product_id, location_id, opened_milli, closed_milli, expected_on)
SELECT purpose, reference, product_id, location_id, opened_milli, closed_milli, expected_on
FROM jsonb_to_recordset($1::jsonb) AS t (purpose text, reference text, product_id int, location_id int,
                                         opened_milli bigint, closed_milli bigint, expected_on date)
ORDER BY 1, 2, 3, 4
ON CONFLICT (purpose, reference, product_id, location_id) DO UPDATE
SET opened_milli = c.opened_milli + excluded.opened_milli,
    closed_milli = c.closed_milli + excluded.closed_milli,
    expected_on = coalesce(excluded.expected_on, c.expected_on),
    updated_at = now()
