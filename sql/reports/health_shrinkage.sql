-- Shrinkage by shelf, in the last days with data: units written off by adjustments, units missing and found at counts (stock after
-- a day with a count, less the stock before it and what moved), and the value of the difference (at average cost, or selling price where no costs are recorded).
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 91: length of the period, up to the newest day with data
-- parameter rows integer: rows at most; all of them where left out
WITH
-- part unit_values,
newest AS (
    SELECT max(day) AS day FROM daily_demand
),
seen AS (
    SELECT m.entry_id, m.corrects, m.product_id, m.location_id, m.day, m.quantity, c.is_count
    FROM movements m
    JOIN newest n ON m.day > n.day - $days
    JOIN kinds c USING (kind)
    WHERE c.is_count OR (c.sign = 1 AND c.counts_as = 'adjusted' AND m.reference IS NULL)
),
-- a correction takes back what it names
adjusted AS (
    SELECT product_id, location_id, sum(quantity) AS units
    FROM seen
    WHERE NOT is_count
    GROUP BY product_id, location_id, coalesce(corrects, entry_id)
),
balances AS (
    SELECT product_id, location_id, day,
           on_hand - lag(on_hand) OVER shelf - (received + returned + adjusted - sold) AS difference
    FROM daily_demand
    WHERE (product_id, location_id) IN (SELECT (product_id, location_id) FROM seen WHERE is_count)
    WINDOW shelf AS (PARTITION BY product_id, location_id ORDER BY day)
),
lines AS (
    SELECT product_id, location_id, least(units, 0) AS written_off, 0 AS missing, 0 AS found_again
    FROM adjusted
    UNION ALL
    SELECT b.product_id, b.location_id, 0, least(b.difference, 0), greatest(b.difference, 0)
    FROM balances b
    WHERE (b.product_id, b.location_id, b.day) IN (SELECT (product_id, location_id, day) FROM seen WHERE is_count)
),
summed AS (
    SELECT product_id, location_id, (-sum(written_off))::DOUBLE AS written_off, (-sum(missing))::DOUBLE AS missing_at_counts,
           sum(found_again)::DOUBLE AS found_at_counts
    FROM lines
    GROUP BY product_id, location_id
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, l.code, coalesce(l.name, l.code) AS location, s.written_off,
       s.missing_at_counts, s.found_at_counts, p.unit,
       (s.written_off + s.missing_at_counts - s.found_at_counts) * v.unit_value AS value, v.currency,
       count(*) OVER () AS found
FROM summed s
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
LEFT JOIN unit_values v USING (product_id, location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND (s.written_off > 0 OR s.missing_at_counts > 0 OR s.found_at_counts > 0)
ORDER BY value DESC NULLS LAST, p.sku, l.code
LIMIT $rows
