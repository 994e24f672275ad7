-- Lots travel with the goods, and what has expired is neither sent nor sold.

CREATE INDEX ledger_lots ON ledger (product_id, location_id) WHERE lot IS NOT NULL;
COMMENT ON INDEX ledger_lots IS 'Serves ingest/refold_lots: rows of a pair that name a lot.';
CREATE INDEX ledger_references ON ledger (product_id, location_id, reference) WHERE reference IS NOT NULL AND committed_milli IS NOT NULL;
COMMENT ON INDEX ledger_references IS 'Serves ingest/refold_lots and purchasing/desk/transfers: what transfers brought to a pair.';

CREATE VIEW transfer_lots AS
 SELECT t.product_id, t.location_id, t.reference, t.lot,
    LEAST(t.left_milli, GREATEST(t.unnamed_milli - (t.until_milli - t.left_milli), 0::numeric))::bigint AS milli
   FROM ( SELECT s.product_id, s.location_id, s.reference, s.lot, s.unnamed_milli,
            GREATEST(s.sent_milli - s.named_milli, 0::numeric) AS left_milli,
            sum(GREATEST(s.sent_milli - s.named_milli, 0::numeric)) OVER (PARTITION BY s.product_id, s.location_id, s.reference ORDER BY s.expires_on, s.lot) AS until_milli
           FROM ( SELECT l.product_id, l.location_id, l.reference, l.lot,
                    COALESCE(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0::numeric) AS sent_milli,
                    COALESCE(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0::numeric) AS named_milli,
                    (array_agg(f.expires_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expires_on IS NOT NULL))[1] AS expires_on,
                    sum(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL AND l.lot IS NULL)) OVER (PARTITION BY l.product_id, l.location_id, l.reference) AS unnamed_milli
                   FROM ledger l
                     JOIN event_kinds k USING (kind)
                     LEFT JOIN ( SELECT product_id, location_id, entry_id, expires_on
                           FROM ledger_in_force
                          WHERE told_day(expires_on) IS NOT NULL AND lot IS NOT NULL) f USING (product_id, location_id, entry_id)
                  WHERE l.committed_milli IS NOT NULL AND l.reference IS NOT NULL AND COALESCE(k.opens, k.closes) = 'in_transit'
                  GROUP BY l.product_id, l.location_id, l.reference, l.lot) s) t
  WHERE t.lot IS NOT NULL AND t.unnamed_milli > 0;
COMMENT ON VIEW transfer_lots IS 'What came of the lots that were sent under a transfer with arrivals that name no lot: the first to expire came first, and what was sent without a lot last.';

CREATE OR REPLACE VIEW lot_fold AS
 SELECT m.product_id, m.location_id, m.lot,
    sum(m.milli)::bigint AS on_hand_milli,
    (array_agg(m.expires_on ORDER BY m.entry_id DESC) FILTER (WHERE m.expires_on IS NOT NULL))[1] AS expires_on
   FROM ( SELECT l.product_id, l.location_id, l.lot, l.quantity_milli AS milli, f.expires_on, f.entry_id
           FROM ledger l
             LEFT JOIN ( SELECT product_id, location_id, entry_id, expires_on
                   FROM ledger_in_force
                  WHERE told_day(expires_on) IS NOT NULL AND lot IS NOT NULL) f USING (product_id, location_id, entry_id)
          WHERE l.lot IS NOT NULL AND (l.quantity_milli <> 0 OR l.committed_milli IS NOT NULL)
        UNION ALL
         SELECT t.product_id, t.location_id, t.lot, t.milli, NULL::date, NULL::bigint
           FROM transfer_lots t) m
  GROUP BY m.product_id, m.location_id, m.lot;

CREATE VIEW lots_left AS
 SELECT o.product_id, o.location_id, o.lot, o.expires_on,
    LEAST(o.on_hand_milli::numeric, GREATEST(o.until_milli - GREATEST(o.of_lots_milli - GREATEST(s.on_hand_milli, 0::bigint), 0::numeric), 0::numeric))::bigint AS left_milli
   FROM ( SELECT product_id, location_id, lot, on_hand_milli, expires_on,
            sum(on_hand_milli) OVER (PARTITION BY product_id, location_id ORDER BY expires_on, lot) AS until_milli,
            sum(on_hand_milli) OVER (PARTITION BY product_id, location_id) AS of_lots_milli
           FROM lots
          WHERE on_hand_milli > 0) o
     JOIN stock s USING (product_id, location_id);
COMMENT ON VIEW lots_left IS 'Stock by lot as it can be at most: what sales that name no lot took was the first to expire.';
GRANT SELECT ON lots_left TO stocktide_reader;

SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['lots_left', 'transfer_lots']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['lots_left', 'transfer_lots']);

-- what was sent under a lot so far, as if arrivals that named none had brought it
INSERT INTO lots (product_id, location_id, lot, on_hand_milli, expires_on)
SELECT f.product_id, f.location_id, f.lot, f.on_hand_milli, f.expires_on
FROM lot_fold f
ON CONFLICT (product_id, location_id, lot) DO UPDATE
SET on_hand_milli = excluded.on_hand_milli, expires_on = excluded.expires_on
WHERE (lots.on_hand_milli, lots.expires_on) IS DISTINCT FROM (excluded.on_hand_milli, excluded.expires_on);
