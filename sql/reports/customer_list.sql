-- Customers with their scores and segment, what they bought, and what they are expected to buy in the next 12 months.
-- parameter currency text: currency of the amounts, - for amounts without one; the one of most customers where left out
-- parameter segment text: best, loyal, promising, new, at risk or lost; all of them where left out
-- parameter cohort date: first day of the month of the first purchase; all of them where left out
-- parameter starts text: how the pseudonym begins; all of them where left out
-- parameter sort text = value: value, sales, days, last, first or alive, the largest or newest first
-- parameter rows integer: rows at most; all of them where left out
-- parameter skip integer = 0: rows before the first that is listed
WITH
-- part customer_currency,
-- part customer_segments,
listed AS (
    SELECT s.*
    FROM customer_segments s
    JOIN customer_currency USING (currency)
    WHERE ($segment IS NULL OR segment = $segment)
          AND ($cohort IS NULL OR date_trunc('month', first_day)::DATE = $cohort)
          AND ($starts IS NULL OR starts_with(customer, $starts))
)
SELECT customer, segment, r AS recency_score, f AS frequency_score, m AS value_score, days, l.orders, first_day, last_day,
       net_sales::DOUBLE AS net_sales, l.currency, v.orders AS expected_orders, v.value AS expected_value, v.low, v.high, v.p_alive,
       (SELECT count(*) FROM listed) AS found
FROM listed l
LEFT JOIN customer_values v USING (customer, currency)
ORDER BY CASE $sort WHEN 'sales' THEN net_sales::DOUBLE
                    WHEN 'days' THEN days
                    WHEN 'last' THEN epoch(last_day)
                    WHEN 'first' THEN epoch(first_day)
                    WHEN 'alive' THEN v.p_alive
                    ELSE v.value
         END DESC NULLS LAST, net_sales DESC, customer
LIMIT $rows OFFSET $skip
