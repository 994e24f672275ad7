-- Take out identities that do not say where their row of the ledger stands; the next statement puts in what is missing.
DELETE FROM event_identities i
WHERE NOT EXISTS (
    SELECT FROM ledger l
    WHERE l.leg = 0
      AND (l.source_id, l.event_id, l.entry_id, l.product_id, l.location_id, l.occurred_at, l.recorded_at)
          = (i.source_id, i.event_id, i.entry_id, i.product_id, i.location_id, i.occurred_at, i.recorded_at))
