-- Overrides that count on a day, in the order in which they apply.
SELECT override_id, override, product, department, category, location, region, country, change, value, starts_on, ends_on,
       reason, note, expires_on, recorded_at, recorded_by
FROM forecast_overrides
WHERE withdrawn_at IS NULL AND known_since <= now() AND coalesce(expires_on, 'infinity') >= :today
ORDER BY override_id
