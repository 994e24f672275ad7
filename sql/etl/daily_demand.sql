-- DuckDB. New and changed rows of daily_demand, from `movements`, the present `daily_demand`, `event_kinds`, `zones`, the
-- time zone of each location, `currencies`, that of each product, and `retold`, products whose rows are all looked at.
-- $since: the watermark up to which daily_demand is already up to date. Only pairs with newer rows are looked at, only
-- from their first touched day on, and of those only rows that differ from the stored ones are returned. What was
-- corrected counts no more; a stored row of a day of which nothing is left comes back as gone.
WITH kinds AS (
    -- the events that a day shows: those that move stock, count it or set its price
    SELECT kind, is_count AS counts, shows_stock, sets_price, daily
    FROM event_kinds
    WHERE sign <> 0 OR is_count OR sets_price
),
begun AS (
    SELECT product_id, location_id, min(day) AS first_day
    FROM movements
    JOIN kinds USING (kind)
    WHERE xid >= $since
    GROUP BY ALL
    UNION ALL
    SELECT product_id, location_id, min(day)
    FROM movements
    JOIN kinds USING (kind)
    JOIN retold USING (product_id)
    GROUP BY ALL
),
touched AS (
    SELECT product_id, location_id, min(first_day) AS first_day FROM begun GROUP BY ALL
),
rows AS (
    SELECT m.* EXCLUDE (kind), t.first_day, k.counts, k.shows_stock, k.sets_price, k.daily, c.currency AS usual_currency
    FROM movements m
    JOIN touched t USING (product_id, location_id)
    JOIN kinds k USING (kind)
    LEFT JOIN currencies c USING (product_id)
    WHERE m.corrects IS NULL
      AND NOT EXISTS (SELECT 1 FROM movements c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
),
-- When the business days begin and end: a local day lasts 23 to 25 hours where clocks change.
dates AS (
    SELECT unnest(generate_series(min(day), max(day) + 1, INTERVAL 1 DAY)) AS midnight FROM rows
),
begins AS (
    SELECT timezone, midnight::DATE AS day,
           coalesce(TRY(timezone(timezone, midnight)), timezone('UTC', midnight)) AS midnight_at
    FROM (SELECT DISTINCT timezone FROM zones WHERE location_id IN (SELECT location_id FROM rows)), dates
),
-- midnight may come twice; the day begins with the first one
hours AS (
    SELECT timezone, day,
           CASE WHEN TRY(timezone(timezone, midnight_at - INTERVAL 1 HOUR))::DATE = day THEN midnight_at - INTERVAL 1 HOUR ELSE midnight_at END
               AS starts_at,
           lead(starts_at) OVER (PARTITION BY timezone ORDER BY day) AS ends_at
    FROM begins
),
-- A count holds for everything up to its own instant; the newest of two counts of one instant counts.
epochs AS (
    SELECT *, count(*) FILTER (WHERE counts) OVER so_far AS epoch,
           count(*) FILTER (WHERE shows_stock) OVER so_far > 0 AS known,
           last_value(CASE WHEN sets_price THEN price_micros END IGNORE NULLS) OVER so_far AS list_price,
           last_value(CASE WHEN sets_price THEN coalesce(currency, usual_currency, '') END IGNORE NULLS) OVER so_far
               AS list_currency,
           coalesce(last_value(CASE WHEN sets_price THEN promotion END IGNORE NULLS) OVER so_far, false)
               AS on_promotion
    FROM rows
    WINDOW so_far AS (PARTITION BY product_id, location_id ORDER BY occurred_at, counts, entry_id
                      ROWS UNBOUNDED PRECEDING)
),
-- What each currency brought in. An amount that names none is in that of the price list, else of the product.
amounts AS (
    SELECT product_id, location_id, day, coalesce(currency, list_currency, usual_currency, '') AS currency,
           sum(amount) AS amount,
           sum(amount) FILTER (WHERE daily = 'sold') AS sold_amount,
           sum(-quantity_milli) FILTER (WHERE daily = 'sold') AS sold_milli
    FROM (SELECT *, coalesce(-sign(quantity_milli) * line_total_micros::HUGEINT * 1000,
                             -quantity_milli::HUGEINT * price_micros) AS amount
          FROM epochs
          WHERE daily IN ('sold', 'returned') AND day >= first_day)
    WHERE amount IS NOT NULL
    GROUP BY ALL
),
balances AS (
    SELECT *,
           (coalesce(max(observed_milli) FILTER (WHERE counts) OVER (PARTITION BY product_id, location_id, epoch), 0)
            + sum(quantity_milli) OVER (PARTITION BY product_id, location_id, epoch
                                        ORDER BY occurred_at, counts, entry_id ROWS UNBOUNDED PRECEDING)
           )::BIGINT AS balance
    FROM epochs
),
-- what an instant leaves, for of a sale and its delivery of one instant either may come first; and what tells of the zero
-- before it: a count, or another balance
settled AS (
    SELECT *, CASE WHEN left_by_instant <> 0 OR counts THEN left_by_instant END AS told
    FROM (SELECT *, last_value(balance) OVER (PARTITION BY product_id, location_id, occurred_at ORDER BY counts, entry_id
                                              ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING) AS left_by_instant
          FROM balances)
),
spans AS (
    SELECT *,
           lag(balance) OVER pair AS opening,
           lag(known) OVER pair AS opening_known,
           lead(told IGNORE NULLS) OVER in_day AS told_next,
           row_number() OVER in_day = 1 AS first_of_day,
           -- by instants, for an hour of the clock may come twice
           greatest(0, epoch(coalesce(lead(occurred_at) OVER in_day, ends_at) - occurred_at)) AS seconds,
           greatest(0, epoch(occurred_at - starts_at)) AS seconds_before,
           row_number() OVER (PARTITION BY product_id, location_id, day
                              ORDER BY occurred_at DESC, counts DESC, entry_id DESC) = 1 AS last_of_day
    FROM settled
    JOIN zones USING (location_id)
    JOIN hours USING (timezone, day)
    WINDOW pair AS (PARTITION BY product_id, location_id ORDER BY occurred_at, counts, entry_id),
           in_day AS (PARTITION BY product_id, location_id, day ORDER BY occurred_at, counts, entry_id)
),
-- How long of the day the shelf was known to hold goods, and known to be empty. A balance below zero shows that the book
-- is wrong, and tells of no empty shelf; nor does a zero from which more was taken on the same day, uncounted.
stretches AS (
    SELECT *,
           CASE WHEN known AND balance > 0 THEN seconds ELSE 0 END
               + CASE WHEN first_of_day AND opening_known AND opening > 0 THEN seconds_before ELSE 0 END
               AS seconds_in_stock,
           CASE WHEN known AND balance = 0 AND coalesce(told_next, 0) >= 0 THEN seconds ELSE 0 END
               + CASE WHEN first_of_day AND opening_known AND opening = 0 AND coalesce(told, told_next, 0) >= 0
                      THEN seconds_before ELSE 0 END
               AS seconds_empty
    FROM spans
),
days AS (
    SELECT product_id, location_id, day, any_value(month) AS month,
           coalesce(-sum(quantity_milli) FILTER (WHERE daily = 'sold'), 0)::BIGINT AS sold_milli,
           coalesce(sum(quantity_milli) FILTER (WHERE daily = 'returned'), 0)::BIGINT AS returned_milli,
           (count(DISTINCT order_id) FILTER (WHERE daily = 'sold'))::INTEGER AS orders,
           max(list_price) FILTER (WHERE last_of_day) AS list_price,
           max(list_currency) FILTER (WHERE last_of_day) AS list_currency,
           any_value(usual_currency) AS usual_currency,
           coalesce(sum(quantity_milli) FILTER (WHERE daily = 'received'), 0)::BIGINT AS received_milli,
           coalesce(sum(quantity_milli) FILTER (WHERE daily = 'adjusted'), 0)::BIGINT AS adjusted_milli,
           bool_or(on_promotion) AS promotion,
           max(balance) FILTER (WHERE last_of_day AND known) AS on_hand_milli,
           CASE WHEN bool_or(known AND balance >= 0) FILTER (WHERE last_of_day) THEN
               sum(seconds_in_stock) / nullif(sum(seconds_in_stock + seconds_empty), 0)
           END AS in_stock_share
    FROM stretches
    WHERE day >= first_day
    GROUP BY product_id, location_id, day
),
-- A day's currency is that of its price list, else the one that brought most; the others stand beside it.
currency_of_day AS (
    SELECT d.product_id, d.location_id, d.day,
           coalesce(any_value(d.list_currency),
                    arg_max(a.currency, {'amount': abs(a.amount), 'code': a.currency}),
                    any_value(d.usual_currency), '') AS currency
    FROM days d
    LEFT JOIN amounts a USING (product_id, location_id, day)
    GROUP BY ALL
),
money AS (
    SELECT c.product_id, c.location_id, c.day, c.currency,
           coalesce(rounded(max(a.amount) FILTER (WHERE a.currency = c.currency), 1000), 0)::BIGINT AS revenue_micros,
           rounded(max(a.sold_amount) FILTER (WHERE a.currency = c.currency),
                   max(nullif(a.sold_milli, 0)) FILTER (WHERE a.currency = c.currency)) AS mean_price,
           '{' || string_agg('"' || a.currency || '": ' || rounded(a.amount, 1000), ', ' ORDER BY a.currency)
                      FILTER (WHERE a.currency <> c.currency) || '}' AS other_revenue
    FROM currency_of_day c
    LEFT JOIN amounts a USING (product_id, location_id, day)
    GROUP BY ALL
),
wanted AS (
    SELECT product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency, other_revenue, orders,
           coalesce(list_price, mean_price)::BIGINT AS price_micros,
           received_milli, adjusted_milli, promotion, on_hand_milli, in_stock_share,
           coalesce(in_stock_share < 1, false) AS censored, month
    FROM days
    JOIN money USING (product_id, location_id, day)
),
present AS (
    SELECT d.product_id, d.location_id, d.day, d.sold_milli, d.returned_milli, d.revenue_micros, d.currency,
           d.other_revenue, d.orders, d.price_micros, d.received_milli, d.adjusted_milli, d.promotion, d.on_hand_milli, d.in_stock_share,
           d.censored, d.month
    FROM daily_demand d
    JOIN touched t ON t.product_id = d.product_id AND t.location_id = d.location_id AND d.day >= t.first_day
)
SELECT *, false AS gone
FROM (SELECT * FROM wanted EXCEPT SELECT * FROM present)
UNION ALL
SELECT *, true
FROM present p
WHERE NOT EXISTS (SELECT 1 FROM wanted w
                  WHERE w.product_id = p.product_id AND w.location_id = p.location_id AND w.day = p.day)
