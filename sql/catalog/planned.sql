-- What is planned for some days, the next to begin first, with how many plans there are in all. Prices in currency units.
-- location, department, category: plans that concern one of them, and those for all.
SELECT kind, plan, label, day, starts_on, ends_on, days_before, days_after, product, product_name, department, category,
       location, location_name, region, country, price_micros / 1e6 AS price, currency, discount, value, recorded_at,
       recorded_by, count(*) OVER () AS found
FROM calendar_plans
WHERE withdrawn_at IS NULL AND starts_on <= :until AND coalesce(ends_on, 'infinity') >= :since
  AND (CAST(:location AS text) IS NULL OR (
          coalesce(location, :location) = :location
          AND (region IS NULL OR region = (SELECT l.region FROM locations l WHERE l.code = :location))
          AND (country IS NULL OR country = (SELECT l.country FROM locations l WHERE l.code = :location))))
  AND (CAST(:department AS text) IS NULL OR (
          coalesce(department, :department) = :department
          AND (CAST(:category AS text) IS NULL OR coalesce(category, :category) = :category)
          AND (product IS NULL OR EXISTS (
              SELECT FROM products p
              WHERE p.sku = product AND p.department = :department
                AND (CAST(:category AS text) IS NULL OR p.category = :category)))))
ORDER BY starts_on, kind, calendar_id
LIMIT :limit
