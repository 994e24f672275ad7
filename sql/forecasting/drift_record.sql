-- The record that alarms are drawn from, oldest first.
SELECT day, level, level_name, wape, bias, expected_wape, alarm
FROM forecast_drift
WHERE day > (SELECT max(day) FROM forecast_drift) - CAST(:days AS int)
ORDER BY level, day
