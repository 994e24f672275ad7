-- Hold pairs out of a stage; those that are held already were tried once more, unless time ran out before their turn.
-- A pair that a stage before holds out stays there: what comes after it is tried when that works.
INSERT INTO held_pairs AS h (product_id, location_id, stage, error, xid_from, tries)
SELECT f.product_id, f.location_id, :stage, f.error, f.xid_from, f.tries
FROM unnest(CAST(:product_ids AS int[]), CAST(:location_ids AS int[]), CAST(:errors AS text[]),
            CAST(:xids AS bigint[]), CAST(:tries AS int[])) AS f (product_id, location_id, error, xid_from, tries)
ON CONFLICT (product_id, location_id) DO UPDATE
SET stage = CASE WHEN excluded.stage = 'movements' OR h.stage = 'served' THEN excluded.stage ELSE h.stage END,
    error = CASE WHEN excluded.tries > 0 THEN excluded.error ELSE h.error END,
    xid_from = least(h.xid_from, excluded.xid_from),
    tries = h.tries + excluded.tries,
    tried_at = now()
