-- Inconsistencies within the ledger; every number must be zero.
SELECT (SELECT count(*)
        FROM stock s
        FULL JOIN stock_fold f USING (product_id, location_id)
        WHERE (coalesce(s.on_hand_milli, 0), s.counted_at, coalesce(s.known, false))
              IS DISTINCT FROM (coalesce(f.on_hand_milli, 0), f.counted_at, coalesce(f.known, false))) AS stock,
       (SELECT count(*)
        FROM commitments c
        FULL JOIN commitment_fold f USING (purpose, reference, product_id, location_id)
        WHERE (c.opened_milli, c.closed_milli) IS DISTINCT FROM (f.opened_milli, f.closed_milli)) AS commitments,
       (SELECT count(*)
        FROM lots l
        FULL JOIN lot_fold f USING (product_id, location_id, lot)
        WHERE l.on_hand_milli IS DISTINCT FROM f.on_hand_milli) AS lots,
       (SELECT count(*)
        FROM event_identities i
        FULL JOIN (SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at
                   FROM ledger WHERE leg = 0) l
            USING (source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at)
        WHERE i.entry_id IS NULL OR l.entry_id IS NULL) AS identities,
       (SELECT count(*) FROM (
            SELECT cost_after IS DISTINCT FROM moving_average(other_milli, cost_before, came_milli, came_cost)
                   OR cost_before IS DISTINCT FROM lag(cost_after) OVER pair AS wrong
            FROM valuations
            WINDOW pair AS (PARTITION BY product_id, location_id ORDER BY valuation_id)) steps
        WHERE wrong)
       + (SELECT count(*)
          FROM stock s
          JOIN (SELECT DISTINCT ON (product_id, location_id) product_id, location_id, cost_after
                FROM valuations ORDER BY product_id, location_id, valuation_id DESC) v USING (product_id, location_id)
          WHERE s.cost_micros IS DISTINCT FROM v.cost_after) AS costs,
       (SELECT count(*)
        FROM ledger c
        LEFT JOIN corrections r ON r.corrected_entry_id = c.corrects
        WHERE c.corrects IS NOT NULL AND c.leg = 0
          AND (r.source_id, r.event_id) IS DISTINCT FROM (c.source_id, c.event_id)) AS corrections,
       (SELECT count(*) FROM ledger l WHERE NOT EXISTS (SELECT FROM products p WHERE p.product_id = l.product_id))
       + (SELECT count(*) FROM ledger l WHERE NOT EXISTS (SELECT FROM locations o WHERE o.location_id = l.location_id))
       + (SELECT count(*) FROM ledger l WHERE NOT EXISTS (SELECT FROM sources s WHERE s.source_id = l.source_id))
       + (SELECT count(*) FROM ledger l WHERE NOT EXISTS (SELECT FROM event_kinds k WHERE k.kind = l.kind))
           AS keys
