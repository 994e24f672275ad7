-- DuckDB. The chosen movements without what was corrected and without the corrections. A correction names the order, the
-- customer and the pair of what it takes back, so it is among the chosen wherever that is.
SELECT m.*
FROM chosen m
WHERE m.corrects IS NULL
  AND NOT EXISTS (SELECT 1 FROM chosen c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
