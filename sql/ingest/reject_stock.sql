-- Stock of pairs as it is committed.
SELECT product_id, location_id, on_hand_milli
FROM stock
JOIN unnest(CAST(:products AS int[]), CAST(:locations AS int[])) AS pair (product_id, location_id)
    USING (product_id, location_id)
