-- The record that alarms are computed from, oldest first: a number of periods of the rhythm that was judged last.
WITH newest AS (SELECT day, frequency FROM forecast_drift ORDER BY day DESC LIMIT 1)
SELECT d.day, d.level, d.level_name, d.wape, d.bias, d.expected_wape, d.alarm
FROM forecast_drift d
JOIN newest n USING (frequency)
WHERE d.day > n.day - CAST(:periods AS int) * CASE n.frequency WHEN 'D' THEN 1 WHEN 'W' THEN 7 WHEN 'M' THEN 31 ELSE 92 END
ORDER BY d.level, d.day
