-- Customers by period of the fiscal calendar beside the same one of the year before: how many bought, how many of them for the first
-- time, their orders and net sales. The period that is not over is beside as many days of the one before.
-- parameter currency text: currency of the purchases, - for those without one; the one of most customers where left out
-- parameter open date: first day that is not over; none where left out
-- parameter like_for_like boolean = false: only shops that sold from the first week of the earlier period to the last of the later one
-- parameter fiscal text = calendar: calendar for months, or 4-4-5, 4-5-4 or 5-4-4
-- parameter fiscal_month integer = 1: month that the year begins in
-- parameter fiscal_weekday integer = 7: first weekday of a year of weeks, 1 is Monday
-- parameter fiscal_rule text = nearest: a year of weeks begins on the weekday nearest to the first of its month, or the last before
WITH
-- part customer_currency,
-- part fiscal_days,
-- part shop_spans,
-- part period_pairs,
bought AS (
    SELECT o.day, o.location_id, o.customer, o.currency, (o.sales - o.returns)::DOUBLE AS net_sales,
           c.first_day
    FROM orders o
    JOIN customer_currency USING (currency)
    LEFT JOIN customers c ON c.customer = o.customer AND c.currency = o.currency
    WHERE o.customer IS NOT NULL AND o.sales > 0
)
SELECT x.year, x.period, x.first, x.last, x.complete, x.first_before, x.last_before, any_value(b.currency) AS currency,
       count(DISTINCT b.customer) FILTER (WHERE b.day >= x.first) AS customers,
       count(DISTINCT b.customer) FILTER (WHERE b.day < x.first) AS customers_before,
       count(DISTINCT b.customer) FILTER (WHERE b.first_day BETWEEN x.first AND x.last) AS new_customers,
       count(*) FILTER (WHERE b.day >= x.first) AS orders, count(*) FILTER (WHERE b.day < x.first) AS orders_before,
       coalesce(sum(b.net_sales) FILTER (WHERE b.day >= x.first), 0) AS net_sales,
       coalesce(sum(b.net_sales) FILTER (WHERE b.day < x.first), 0) AS net_sales_before,
       count(DISTINCT b.location_id) AS shops, any_value(k.first_day) <= x.first_before AS comparable
FROM pairs x
JOIN counted c USING (year, period)
JOIN bought b ON b.location_id = c.location_id
     AND (b.day BETWEEN x.first AND x.last OR b.day BETWEEN x.first_before AND x.last_before)
CROSS JOIN known k
GROUP BY x.year, x.period, x.first, x.last, x.complete, x.first_before, x.last_before
ORDER BY x.first DESC
