-- Fold what is on order, in transit and promised from the ledger.
INSERT INTO commitments (purpose, reference, product_id, location_id, opened_milli, closed_milli, expected_on)
SELECT purpose, reference, product_id, location_id, opened_milli, closed_milli, expected_on FROM commitment_fold
