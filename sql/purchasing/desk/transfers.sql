-- Transfers of the desk as they stand: what was sent under each, an event a row, and what has come of it; what came of no lot that
-- was sent stands with none. Binds: :references, :source, the desk's own.
SELECT c.reference, p.sku AS product, t.code AS target, k.opens IS NOT NULL AS is_sent, e.event_id, f.code AS source, e.lot,
       told_day(e.expires_on) AS expires_on, e.expected_on, e.committed_milli AS milli, e.occurred_at
FROM commitments c
JOIN products p USING (product_id)
JOIN locations t USING (location_id)
JOIN ledger_in_force e ON e.product_id = c.product_id AND e.location_id = c.location_id AND e.reference = c.reference
                      AND e.committed_milli IS NOT NULL
JOIN event_kinds k ON k.kind = e.kind AND e.leg = k.commit_leg AND coalesce(k.opens, k.closes) = c.purpose
JOIN event_identities i ON i.source_id = e.source_id AND i.event_id = e.event_id
JOIN locations f ON f.location_id = i.location_id
JOIN sources s ON s.source_id = e.source_id
WHERE c.purpose = 'in_transit' AND c.reference = ANY(:references) AND (k.opens IS NULL OR s.source = :source)
ORDER BY c.reference, told_day(e.expires_on) NULLS LAST, e.lot, e.entry_id
