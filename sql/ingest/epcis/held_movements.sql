-- What the ledger holds of events' movements: under their own ids, which begin with the event's name, or under the id
-- that somebody gave to one at the rejects desk. OFFSET 0: each is looked up by its index, however many there might be.
WITH held AS (
    SELECT i.event_id AS movement_id, i.*
    FROM unnest(CAST(:names AS text[])) AS t (name)
    CROSS JOIN LATERAL (
        SELECT *
        FROM event_identities
        WHERE source_id = (SELECT source_id FROM sources WHERE source = :source)
          AND event_id >= (t.name || '#') COLLATE "C" AND event_id < (t.name || '$') COLLATE "C"
        OFFSET 0) i
    WHERE substr(i.event_id, length(t.name) + 2) ~ '^[0-9a-f]+(/corrected)?$'
    UNION ALL
    SELECT r.event_id, i.*
    FROM rejects r
    JOIN sources s ON s.source = r.replayed_source
    JOIN event_identities i ON i.source_id = s.source_id AND i.event_id = r.replayed_event_id
    WHERE r.event_id = ANY(CAST(:noted AS text[])) AND r.source = :source AND r.state = 'replayed'
      AND (r.replayed_source, r.replayed_event_id) IS DISTINCT FROM (r.source, r.event_id)
)
SELECT h.movement_id, s.source, h.event_id, l.kind, l.corrects IS NOT NULL AS corrects, p.sku AS product,
       o.code AS location,
       CAST(trim_scale(CASE WHEN l.kind = ANY(CAST(:signed AS text[])) THEN l.milli ELSE abs(l.milli) END * 0.001)
            AS text) AS quantity,
       EXISTS (SELECT FROM corrections c WHERE c.corrected_entry_id = h.entry_id) AS corrected
FROM held h
CROSS JOIN LATERAL (
    SELECT kind, corrects, coalesce(observed_milli, quantity_milli) AS milli
    FROM ledger
    WHERE recorded_at = h.recorded_at AND product_id = h.product_id AND location_id = h.location_id
      AND occurred_at = h.occurred_at AND entry_id = h.entry_id
    OFFSET 0) l
JOIN sources s ON s.source_id = h.source_id
JOIN products p ON p.product_id = h.product_id
JOIN locations o ON o.location_id = h.location_id
