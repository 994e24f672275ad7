-- Stock on hand by age, first in, first out: what is on a shelf came with its newest deliveries, from a supplier or from another
-- location. What the ledger has no delivery of is older than it, and has no age.
newest AS (
    SELECT max(day) AS day FROM daily_demand
),
held AS (
    SELECT product_id, location_id, p.sku, coalesce(p.name, p.sku) AS name, p.department, p.category, p.unit, l.code,
           coalesce(l.name, l.code) AS location, k.on_hand, v.unit_value, v.currency, v.valued_at
    FROM stock k
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN unit_values v USING (product_id, location_id)
    WHERE k.on_hand > 0
      AND ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
),
corrected AS (
    SELECT corrects, leg FROM movements WHERE corrects IS NOT NULL
),
came AS (
    SELECT *, sum(units) OVER (PARTITION BY product_id, location_id ORDER BY day DESC ROWS UNBOUNDED PRECEDING) AS so_far
    FROM (
        SELECT m.product_id, m.location_id, m.day, sum(m.quantity) AS units
        FROM movements m
        JOIN kinds k ON k.kind = m.kind AND (k.counts_as = 'received' OR k.closes = 'in_transit' OR m.leg = 1)
        SEMI JOIN held h ON h.product_id = m.product_id AND h.location_id = m.location_id
        WHERE m.quantity > 0
          AND m.corrects IS NULL
          AND NOT EXISTS (SELECT 1 FROM corrected c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
        GROUP BY ALL
    )
),
aged AS (
    SELECT h.*, n.day - c.day AS age_days, least(c.units, h.on_hand - (c.so_far - c.units))::DOUBLE AS units
    FROM held h
    CROSS JOIN newest n
    JOIN came c USING (product_id, location_id)
    WHERE c.so_far - c.units < h.on_hand
    UNION ALL
    SELECT h.*, NULL, (h.on_hand - coalesce(r.units, 0))::DOUBLE
    FROM held h
    LEFT JOIN (SELECT product_id, location_id, max(so_far) AS units FROM came GROUP BY ALL) r USING (product_id, location_id)
    WHERE h.on_hand > coalesce(r.units, 0)
),
stock_ages AS (
    SELECT *, units * unit_value AS value,
           CASE WHEN age_days IS NULL THEN 'before the ledger'
                WHEN age_days <= 30 THEN '0-30 days'
                WHEN age_days <= 60 THEN '31-60 days'
                WHEN age_days <= 90 THEN '61-90 days'
                WHEN age_days <= 180 THEN '91-180 days'
                ELSE 'over 180 days'
           END AS band
    FROM aged
)
