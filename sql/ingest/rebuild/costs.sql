-- Take all steps of all average costs again.
SELECT count(refold_costs(product_id, -1)) FROM (SELECT DISTINCT product_id FROM ledger_costed) costed
