-- Record rates; one of the same currencies and day is replaced. Returns the days of those that are new or another.
INSERT INTO currency_rates AS r (base, quote, day, rate, recorded_by)
SELECT t.base, t.quote, t.day, t.rate, :by
FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS t (base text, quote text, day date, rate numeric)
ORDER BY t.base, t.quote, t.day
ON CONFLICT (base, quote, day) DO UPDATE
SET rate = excluded.rate, recorded_at = now(), recorded_by = excluded.recorded_by
WHERE r.rate <> excluded.rate
RETURNING day
