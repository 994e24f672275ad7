-- WAPE: absolute errors of the published forecast's methods in its backtest, by the sum of what was sold; by level.
SELECT level, method, value AS wape
FROM forecast_errors
WHERE metric = 'wape'
ORDER BY level, method
