-- Overrides of forecasts, those that count first, with what each changed of the first forecast that it met.
-- all: also what was changed or withdrawn.
SELECT o.override_id, o.override, o.product, coalesce(p.name, o.product) AS product_name, o.department, o.category,
       o.location, coalesce(l.name, o.location) AS location_name, o.region, o.country, o.change, o.value, o.starts_on,
       o.ends_on, o.reason, o.note, o.expires_on, o.recorded_at, o.recorded_by, o.withdrawn_at, o.withdrawn_by,
       CASE WHEN o.withdrawn_at IS NOT NULL THEN 'withdrawn' WHEN o.expires_on < :today THEN 'expired'
            WHEN o.ends_on < :today THEN 'over' ELSE 'in force' END AS state,
       d.before, d.after, count(*) OVER () AS found
FROM forecast_overrides o
LEFT JOIN products p ON p.sku = o.product
LEFT JOIN locations l ON l.code = o.location
LEFT JOIN LATERAL (
    SELECT sum(before) AS before, sum(after) AS after FROM override_days WHERE override_id = o.override_id
) d ON true
WHERE :all OR o.withdrawn_at IS NULL
ORDER BY o.withdrawn_at IS NOT NULL, o.expires_on IS NOT NULL AND o.expires_on < :today, o.ends_on < :today,
         o.override_id DESC
LIMIT :limit
