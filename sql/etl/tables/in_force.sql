-- DuckDB. The concerned movements without what was corrected and without the corrections. A correction names the order, the
-- customer and the pair of what it takes back, so it is among the concerned wherever that is.
SELECT m.*
FROM concerned m
WHERE m.corrects IS NULL
  AND NOT EXISTS (SELECT 1 FROM concerned c WHERE c.corrects IS NOT NULL AND c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
