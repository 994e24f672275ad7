-- A period's error, computed again where late sales changed it.
INSERT INTO forecast_drift (day, level, level_name, forecast_run_id, wape, bias, expected_wape, frequency)
VALUES (:day, :level, :level_name, :forecast_run_id, :wape, :bias, :expected_wape, :frequency)
ON CONFLICT (day, level) DO UPDATE
SET level_name = excluded.level_name, forecast_run_id = excluded.forecast_run_id, wape = excluded.wape,
    bias = excluded.bias, expected_wape = excluded.expected_wape, frequency = excluded.frequency
