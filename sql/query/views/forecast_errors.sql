-- Errors in the backtest of the published forecast, by level and method.
-- reads: forecast_errors
SELECT
    level, -- level of the hierarchy
    method, -- candidate or baseline
    metric, -- wape, rmsse, bias, …
    value, -- its value; 0.2 is 20 %
    forecast_run_id -- run that it belongs to
FROM input_forecast_errors
