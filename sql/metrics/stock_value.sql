-- Stock value: known stock on hand at average cost, by currency of the cost.
SELECT cost_currency AS currency, sum(on_hand * cost) AS stock_value
FROM stock
WHERE on_hand IS NOT NULL AND cost IS NOT NULL
GROUP BY cost_currency
ORDER BY cost_currency
