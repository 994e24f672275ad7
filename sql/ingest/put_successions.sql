-- Make successions what some successors tell: those that they no longer name go, the others are added or changed.
WITH told AS (
    SELECT s.product_id AS successor_id, p.product_id AS predecessor_id, t.starts_on, t.share
    FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (
        successor text, predecessor text, starts_on date, share double precision)
    JOIN products s ON s.sku = t.successor
    JOIN products p ON p.sku = t.predecessor
),
gone AS (
    DELETE FROM successions old
    USING products s
    WHERE s.product_id = old.successor_id AND s.sku = ANY(:successors)
      AND NOT EXISTS (SELECT FROM told
                      WHERE told.successor_id = old.successor_id AND told.predecessor_id = old.predecessor_id)
)
INSERT INTO successions AS old (successor_id, predecessor_id, starts_on, share)
SELECT successor_id, predecessor_id, starts_on, share FROM told
ON CONFLICT (successor_id, predecessor_id) DO UPDATE
SET starts_on = excluded.starts_on, share = excluded.share, recorded_at = now()
WHERE (old.starts_on, old.share) IS DISTINCT FROM (excluded.starts_on, excluded.share)
