-- Prices of what some lines order that were set in the last days, of any quantity (is_list) and of price breaks, and before them the
-- last price of any quantity; by whom, when, whether in these days, and what a unit is worth in the chain's currency. When a price
-- was recorded counts, not since when its sender says that it is known. Binds: :lines, :days, :currency, :today.
WITH asked AS (
    SELECT DISTINCT supplier, product FROM order_lines WHERE line_id = ANY(:lines) AND source IS NULL
),
prices AS (
    SELECT s.supplier, s.product, s.recorded_by, s.recorded_at, s.withdrawn_at, true AS is_list, s.price_micros, s.currency,
           s.recorded_at > now() - make_interval(days => :days) AS is_new
    FROM supplier_products s
    JOIN asked USING (supplier, product)
    UNION ALL
    SELECT b.supplier, b.product, b.recorded_by, b.recorded_at, b.withdrawn_at, false, b.price_micros, NULL, true
    FROM price_breaks b
    JOIN asked USING (supplier, product)
    WHERE b.recorded_at > now() - make_interval(days => :days)
),
numbered AS (
    SELECT *, row_number() OVER (PARTITION BY supplier, product, is_list, is_new ORDER BY recorded_at DESC) AS number FROM prices
)
SELECT n.supplier, n.product, n.recorded_by, n.recorded_at, n.is_new, n.withdrawn_at IS NULL AS in_force, n.is_list, n.price_micros,
       (n.price_micros * rate_on(coalesce(n.currency, s.currency, :currency, ''),
                                 coalesce(CAST(:currency AS text), n.currency, s.currency, ''), :today))::float8 AS worth
FROM numbered n
LEFT JOIN suppliers s ON s.supplier = n.supplier AND s.withdrawn_at IS NULL
WHERE n.is_new OR n.number = 1
