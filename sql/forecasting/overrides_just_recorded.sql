-- Overrides that this transaction recorded, in the order in which they apply.
SELECT override_id, override, product, department, category, location, region, country, starts_on, ends_on, expires_on
FROM forecast_overrides
WHERE withdrawn_at IS NULL AND recorded_at = now()
ORDER BY override_id
