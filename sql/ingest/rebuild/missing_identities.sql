-- Put in the identities of first legs that have none.
INSERT INTO event_identities (source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at)
SELECT source_id, event_id, entry_id, product_id, location_id, occurred_at, recorded_at
FROM ledger
WHERE leg = 0
ON CONFLICT (source_id, event_id) DO NOTHING
