-- Fold lots from the ledger.
INSERT INTO lots (product_id, location_id, lot, on_hand_milli, expires_on)
SELECT product_id, location_id, lot, on_hand_milli, expires_on FROM lot_fold
