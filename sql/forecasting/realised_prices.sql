-- DuckDB, over the lake. Each pair's days with activity: its leaf, the price against the pair's usual one as a logarithm,
-- and whether it was on promotion. `usual_prices` has each pair's usual price and its leaf.
SELECT
    u.leaf,
    CAST(datediff('day', DATE '1970-01-01', d.day) AS INTEGER) AS day,
    CAST(CASE WHEN d.price_micros > 0 AND d.currency = coalesce(u.currency, d.currency)
              THEN ln(d.price_micros) - u.usual_log END AS FLOAT) AS log_price,
    d.promotion
FROM daily_demand d
JOIN usual_prices u ON u.product_id = d.product_id AND u.location_id = d.location_id
WHERE d.day >= $first AND d.day <= $last
