-- What is planned for some days, the next to begin first, with how many plans there are in all. Prices in currency units.
SELECT kind, plan, label, day, starts_on, ends_on, days_before, days_after, product, product_name, department, category,
       location, location_name, region, country, price_micros / 1e6 AS price, currency, discount, value, recorded_at,
       recorded_by, count(*) OVER () AS found
FROM calendar_plans
WHERE withdrawn_at IS NULL AND starts_on <= :until AND coalesce(ends_on, 'infinity') >= :since
ORDER BY starts_on, kind, calendar_id
LIMIT :limit
