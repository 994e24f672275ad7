-- Claim what the ledger's reversals reverse.
INSERT INTO corrections (corrected_entry_id, source_id, event_id, recorded_at)
SELECT corrects, source_id, event_id, recorded_at FROM ledger WHERE corrects IS NOT NULL AND leg = 0
