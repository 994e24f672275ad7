-- Daily demand, narrowed to a weekday (1 is Monday), an hour of the location's own clock and a month of the year. By the hour it
-- is added up from movements that are in force; an amount without a currency is in that of the product.
corrected AS (
    SELECT corrects, leg FROM movements WHERE corrects IS NOT NULL AND $hour IS NOT NULL
),
demand_narrowed AS (
    SELECT product_id, location_id, day, sold, revenue, currency
    FROM daily_demand
    WHERE $hour IS NULL
      AND ($weekday IS NULL OR isodow(day) = $weekday)
      AND ($month IS NULL OR month(day) = $month)
    UNION ALL
    SELECT m.product_id, m.location_id, m.day, CASE WHEN k.counts_as = 'sold' THEN -m.quantity ELSE 0 END,
           coalesce(-sign(m.quantity) * m.line_total, -m.quantity * m.price), coalesce(nullif(m.currency, ''), p.currency, '')
    FROM movements m
    JOIN kinds k ON k.kind = m.kind AND k.counts_as IN ('sold', 'returned')
    JOIN products p ON p.product_id = m.product_id
    JOIN locations l ON l.location_id = m.location_id
    WHERE $hour IS NOT NULL
      AND hour(timezone(l.timezone, m.occurred_at)) = $hour
      AND ($weekday IS NULL OR isodow(m.day) = $weekday)
      AND ($month IS NULL OR month(m.day) = $month)
      AND m.corrects IS NULL
      AND NOT EXISTS (SELECT 1 FROM corrected c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
)
