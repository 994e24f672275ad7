-- DuckDB. Rows of daily_demand of the touched pairs in one stretch of time, from `movements` of it, `touched`, pairs with
-- the first day to look at, `opening`, what the day before left of each pair, `event_kinds`, `zones`, the time zone of
-- each location, and `currencies`, that of each product. What was corrected counts no more. The last columns are the
-- price list that a day leaves to the next, which only a later fold needs.
WITH kinds AS (
    -- the events that a day shows: those that move stock, count it or set its price
    SELECT kind, is_count AS counts, shows_stock, sets_price, daily
    FROM event_kinds
    WHERE sign <> 0 OR is_count OR sets_price
),
corrected AS (
    SELECT corrects, leg FROM movements WHERE corrects IS NOT NULL
),
rows AS (
    SELECT m.entry_id, m.product_id, m.location_id, m.quantity_milli, m.observed_milli, m.price_micros, m.line_total_micros,
           m.currency, m.promotion, m.order_id, m.occurred_at, m.day, m.month,
           k.counts, k.shows_stock, k.sets_price, k.daily, c.currency AS usual_currency,
           coalesce(o.close_milli, 0) AS opening_milli, coalesce(o.close_known, false) AS opening_known,
           o.close_price_micros AS opening_price, o.close_currency AS opening_currency,
           coalesce(o.close_promotion, false) AS opening_promotion, o.product_id IS NOT NULL AS opened
    FROM movements m
    JOIN touched t ON t.product_id = m.product_id AND t.location_id = m.location_id AND m.day >= t.first_day
    JOIN kinds k ON k.kind = m.kind
    LEFT JOIN currencies c ON c.product_id = m.product_id
    LEFT JOIN opening o ON o.product_id = m.product_id AND o.location_id = m.location_id
    WHERE m.corrects IS NULL
      AND NOT EXISTS (SELECT 1 FROM corrected c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
),
-- When the business days begin and end: a local day lasts 23 to 25 hours where clocks change.
dates AS (
    SELECT unnest(generate_series(min(day), max(day) + 1, INTERVAL 1 DAY)) AS midnight FROM rows
),
begins AS (
    SELECT timezone, midnight::DATE AS day,
           coalesce(TRY(timezone(timezone, midnight::TIMESTAMP)), timezone('UTC', midnight::TIMESTAMP)) AS midnight_at
    FROM (SELECT DISTINCT timezone FROM zones WHERE location_id IN (SELECT location_id FROM rows)), dates
),
-- midnight may come twice; the day begins with the first one
hours AS (
    SELECT timezone, day,
           CASE WHEN TRY(timezone(timezone, (midnight_at - INTERVAL 1 HOUR)::TIMESTAMPTZ))::DATE = day
                THEN midnight_at - INTERVAL 1 HOUR ELSE midnight_at END AS starts_at
    FROM begins
),
ends AS (
    SELECT *, lead(starts_at) OVER (PARTITION BY timezone ORDER BY day) AS ends_at FROM hours
),
places AS (
    SELECT location_id, day, starts_at, ends_at FROM zones JOIN ends USING (timezone)
),
-- What holds after each event. A count holds for everything up to its own instant; the newest of two counts of one
-- instant counts.
running AS (
    SELECT *,
           opening_milli + sum(quantity_milli) OVER so_far AS moved,
           opening_known OR count(*) FILTER (WHERE shows_stock) OVER so_far > 0 AS known,
           coalesce(last_value(CASE WHEN sets_price THEN price_micros END IGNORE NULLS) OVER so_far, opening_price) AS list_price,
           coalesce(last_value(CASE WHEN sets_price THEN coalesce(currency, usual_currency, '') END IGNORE NULLS) OVER so_far,
                    opening_currency) AS list_currency,
           coalesce(last_value(CASE WHEN sets_price THEN promotion END IGNORE NULLS) OVER so_far, opening_promotion) AS on_promotion,
           lag(day) OVER so_far IS DISTINCT FROM day AS first_of_day,
           lead(day) OVER so_far IS DISTINCT FROM day AS last_of_day,
           lead(occurred_at) OVER so_far AS next_at
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
          FROM running
          WHERE daily IN ('sold', 'returned'))
    WHERE amount IS NOT NULL
    GROUP BY ALL
),
balances AS (
    SELECT *,
           (moved + coalesce(last_value(CASE WHEN counts THEN observed_milli - moved END IGNORE NULLS) OVER so_far, 0))::BIGINT
               AS balance,
           next_at IS DISTINCT FROM occurred_at AS last_of_instant
    FROM running
    WINDOW so_far AS (PARTITION BY product_id, location_id ORDER BY occurred_at, counts, entry_id
                      ROWS UNBOUNDED PRECEDING)
),
-- what an instant leaves, for of a sale and its delivery of one instant either may come first
settled AS (
    SELECT *,
           lag(balance, 1, CASE WHEN opened THEN opening_milli END) OVER pair AS opening,
           lag(known, 1, CASE WHEN opened THEN opening_known END) OVER pair AS was_known,
           first_value(CASE WHEN last_of_instant THEN balance END IGNORE NULLS) OVER to_come AS left_by_instant
    FROM balances
    WINDOW pair AS (PARTITION BY product_id, location_id ORDER BY occurred_at, counts, entry_id),
           to_come AS (PARTITION BY product_id, location_id ORDER BY occurred_at, counts, entry_id
                       ROWS BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING)
),
-- what tells of the zero before it: a count, or another balance
told AS (
    SELECT *, CASE WHEN left_by_instant <> 0 OR counts THEN left_by_instant END AS told FROM settled
),
spans AS (
    SELECT t.*,
           first_value(CASE WHEN told IS NOT NULL THEN {'balance': told, 'day': t.day} END IGNORE NULLS) OVER after AS next_told,
           -- by instants, for an hour of the clock may come twice; whole numbers, whose sum is the same in any order
           greatest(0, epoch_us(CASE WHEN last_of_day THEN ends_at ELSE next_at END) - epoch_us(occurred_at)) AS micros,
           greatest(0, epoch_us(occurred_at) - epoch_us(starts_at)) AS micros_before
    FROM told t
    JOIN places p ON p.location_id = t.location_id AND p.day = t.day
    WINDOW after AS (PARTITION BY product_id, t.location_id ORDER BY occurred_at, counts, entry_id
                     ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)
),
-- How long of the day the shelf was known to hold goods, and known to be empty. A balance below zero shows that the book
-- is wrong, and tells of no empty shelf; nor does a zero from which more was taken on the same day, uncounted.
stretches AS (
    SELECT *, CASE WHEN next_told['day'] = day THEN next_told['balance'] END AS told_next,
           CASE WHEN known AND balance > 0 THEN micros ELSE 0 END
               + CASE WHEN first_of_day AND was_known AND opening > 0 THEN micros_before ELSE 0 END
               AS micros_in_stock,
           CASE WHEN known AND balance = 0 AND coalesce(told_next, 0) >= 0 THEN micros ELSE 0 END
               + CASE WHEN first_of_day AND was_known AND opening = 0 AND coalesce(told, told_next, 0) >= 0
                      THEN micros_before ELSE 0 END
               AS micros_empty
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
           max(balance) FILTER (WHERE last_of_day) AS balance,
           bool_or(known) FILTER (WHERE last_of_day) AS known,
           bool_or(on_promotion) FILTER (WHERE last_of_day) AS still_promotion,
           CASE WHEN bool_or(known AND balance >= 0) FILTER (WHERE last_of_day) THEN
               sum(micros_in_stock) / nullif(sum(micros_in_stock + micros_empty), 0)
           END AS in_stock_share
    FROM stretches
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
)
SELECT product_id, location_id, day, sold_milli, returned_milli, revenue_micros, currency, other_revenue, orders,
       coalesce(list_price, mean_price)::BIGINT AS price_micros,
       received_milli, adjusted_milli, promotion, CASE WHEN known THEN balance END AS on_hand_milli, in_stock_share,
       coalesce(in_stock_share < 1, false) AS censored, month,
       list_price AS close_price_micros, list_currency AS close_currency, still_promotion AS close_promotion
FROM days
JOIN money USING (product_id, location_id, day)
