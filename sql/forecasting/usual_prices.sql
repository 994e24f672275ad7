-- DuckDB, over the lake. Usual price of each pair, as a logarithm of micros: the median of its days' prices in the
-- last year, else its list price. Only prices in the currency that the pair was priced in last compare with each other.
WITH priced AS (
    SELECT product_id, location_id, currency, price_micros,
           last_value(currency) OVER (PARTITION BY product_id, location_id ORDER BY day
                                      ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) AS newest
    FROM daily_demand
    WHERE price_micros > 0 AND day > $since AND day <= $last
),
medians AS (
    SELECT product_id, location_id, any_value(currency) AS currency, median(price_micros) AS micros
    FROM priced
    WHERE currency = newest
    GROUP BY product_id, location_id
)
-- comparable: with planned prices, which are in the product's own currency.
SELECT product_id, location_id, p.leaf, m.currency,
       coalesce(nullif(m.currency, '') = p.listed_currency, true) AS comparable,
       ln(coalesce(m.micros, nullif(p.listed_micros, 0))) AS usual_log
FROM pair_leaves p
LEFT JOIN medians m USING (product_id, location_id)
