-- Every plan that was known by an instant, in force or ended since, in the order of recording.
SELECT kind, plan, label, day, days_before, days_after, starts_on, ends_on, product, department, category, location, region,
       country, price_micros, discount, value, is_closed, known_since, recorded_at,
       CASE WHEN withdrawn_at <= :now THEN withdrawn_at END AS withdrawn_at
FROM calendar_plans
WHERE known_since <= :now
ORDER BY known_since, calendar_id
