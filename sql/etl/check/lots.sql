-- Lots against the fold of the ledger.
SELECT count(*) AS rows,
       count(*) FILTER (WHERE (o.on_hand_milli, o.expires_on) IS DISTINCT FROM (f.on_hand_milli, f.expires_on))
           AS differ
FROM lots o
FULL JOIN lot_fold f USING (product_id, location_id, lot)
