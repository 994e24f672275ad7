-- Days of the future that no calendar has: many systems write 9999-12-31 for "no day".

CREATE FUNCTION told_day(day date) RETURNS date LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE WHEN day BETWEEN DATE '2000-01-01' AND DATE '2100-12-31' THEN day END
$$;
COMMENT ON FUNCTION told_day IS 'A day that somebody can mean; null for 9999-12-31 and its like, which say that there is none. As stocktide.domain.told_day.';

CREATE OR REPLACE VIEW commitment_fold AS
 SELECT COALESCE(k.opens, k.closes) AS purpose,
        CASE
            WHEN k.reference = 'order_id'::text THEN l.order_id
            ELSE l.reference
        END AS reference,
    l.product_id,
    l.location_id,
    COALESCE(sum(l.committed_milli) FILTER (WHERE k.opens IS NOT NULL), 0::numeric)::bigint AS opened_milli,
    COALESCE(sum(l.committed_milli) FILTER (WHERE k.closes IS NOT NULL), 0::numeric)::bigint AS closed_milli,
    (array_agg(f.expected_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expected_on IS NOT NULL))[1] AS expected_on
   FROM ledger l
     JOIN event_kinds k USING (kind)
     LEFT JOIN ( SELECT ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.entry_id,
            ledger_in_force.expected_on
           FROM ledger_in_force
          WHERE told_day(ledger_in_force.expected_on) IS NOT NULL) f USING (product_id, location_id, entry_id)
  WHERE l.committed_milli IS NOT NULL
  GROUP BY (COALESCE(k.opens, k.closes)), (
        CASE
            WHEN k.reference = 'order_id'::text THEN l.order_id
            ELSE l.reference
        END), l.product_id, l.location_id;

CREATE OR REPLACE VIEW lot_fold AS
 SELECT l.product_id,
    l.location_id,
    l.lot,
    sum(l.quantity_milli)::bigint AS on_hand_milli,
    (array_agg(f.expires_on ORDER BY f.entry_id DESC) FILTER (WHERE f.expires_on IS NOT NULL))[1] AS expires_on
   FROM ledger l
     LEFT JOIN ( SELECT ledger_in_force.product_id,
            ledger_in_force.location_id,
            ledger_in_force.entry_id,
            ledger_in_force.expires_on
           FROM ledger_in_force
          WHERE told_day(ledger_in_force.expires_on) IS NOT NULL) f USING (product_id, location_id, entry_id)
  WHERE l.lot IS NOT NULL AND l.quantity_milli <> 0
  GROUP BY l.product_id, l.location_id, l.lot;

-- what stands with such a day already, as it is without it
DO $$
BEGIN
    IF EXISTS (SELECT FROM commitments WHERE expected_on IS NOT NULL AND told_day(expected_on) IS NULL) THEN
        UPDATE commitments c
        SET expected_on = f.expected_on
        FROM commitment_fold f
        WHERE (f.purpose, f.reference, f.product_id, f.location_id) = (c.purpose, c.reference, c.product_id, c.location_id)
          AND c.expected_on IS NOT NULL AND told_day(c.expected_on) IS NULL;
    END IF;
    IF EXISTS (SELECT FROM lots WHERE expires_on IS NOT NULL AND told_day(expires_on) IS NULL) THEN
        UPDATE lots o
        SET expires_on = f.expires_on
        FROM lot_fold f
        WHERE (f.product_id, f.location_id, f.lot) = (o.product_id, o.location_id, o.lot)
          AND o.expires_on IS NOT NULL AND told_day(o.expires_on) IS NULL;
    END IF;
END $$;

-- the day itself was left out, which its name does not say
COMMENT ON COLUMN shelf_limits.last_order_on IS 'the last day on which it is ordered';
