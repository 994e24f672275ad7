-- DuckDB, over the lake. Usual price of each pair, as a logarithm of micros: the median of its days' prices in the
-- last year, else its list price.
WITH medians AS (
    SELECT product_id, location_id, median(price_micros) AS micros
    FROM daily_demand
    WHERE price_micros > 0 AND day > $since AND day <= $last
    GROUP BY product_id, location_id
)
SELECT product_id, location_id, p.leaf, ln(coalesce(m.micros, nullif(p.listed_micros, 0))) AS usual_log
FROM pair_leaves p
LEFT JOIN medians m USING (product_id, location_id)
