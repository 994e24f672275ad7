-- The ledger's rows of an event: what it moved, and where it arrived.
WITH first AS (
    SELECT l.*
    FROM sources s
    JOIN event_identities i USING (source_id)
    JOIN ledger l ON l.recorded_at = i.recorded_at AND l.product_id = i.product_id AND l.location_id = i.location_id
                 AND l.occurred_at = i.occurred_at AND l.entry_id = i.entry_id
    WHERE s.source = :source AND i.event_id = :event_id
),
legs AS (
    SELECT * FROM first
    UNION ALL
    SELECT l.*
    FROM first f
    JOIN ledger l ON l.recorded_at = f.recorded_at AND l.product_id = f.product_id AND l.location_id = f.to_location_id
                 AND l.occurred_at = f.occurred_at AND l.source_id = f.source_id AND l.event_id = f.event_id
                 AND l.leg = 1
)
SELECT l.entry_id, l.leg, l.kind, p.sku AS product, o.code AS location, l.quantity_milli, l.observed_milli,
       l.committed_milli, l.occurred_at, l.recorded_at, l.corrects, l.product_id, l.location_id
FROM legs l
JOIN products p USING (product_id)
JOIN locations o USING (location_id)
ORDER BY l.leg
