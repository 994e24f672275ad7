-- One identity a first leg, and it says where the row stands.
SELECT count(*) AS rows, count(*) FILTER (WHERE i.entry_id IS NULL OR l.entry_id IS NULL) AS differ
FROM event_identities i
FULL JOIN (SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at
           FROM ledger WHERE leg = 0) l
    USING (source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at)
