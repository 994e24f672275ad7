-- What the ledger sums to up to where the lake has come: a run adds what is new instead of summing all of it again.
ALTER TABLE lake_versions
    ADD COLUMN quantity_milli numeric,
    ADD COLUMN sold_milli     numeric,
    ADD COLUMN returned_milli numeric,
    ADD COLUMN proven_at      timestamptz;
COMMENT ON COLUMN lake_versions.quantity_milli IS 'sums of the ledger before xid_before, corrections included; nothing: not known, the next run sums all of it';
COMMENT ON COLUMN lake_versions.proven_at IS 'when they were last summed from all of the ledger, not from what was new';
