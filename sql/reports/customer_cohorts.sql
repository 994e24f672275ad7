-- Cohorts: customers by the month of their first purchase, and how many of them bought in each month since.
-- parameter currency text: currency of the purchases, - for those without one; the one of most customers where left out
WITH
-- part customer_currency,
newest AS (
    SELECT max(last_day) AS day FROM customers
),
cohorts AS (
    SELECT date_trunc('month', first_day)::DATE AS cohort, count(*) AS customers
    FROM customers
    JOIN customer_currency USING (currency)
    WHERE days > 0
    GROUP BY 1
),
active AS (
    SELECT date_trunc('month', first_day)::DATE AS cohort, date_trunc('month', day)::DATE AS month,
           count(DISTINCT customer) AS active
    FROM customer_days
    JOIN customer_currency USING (currency)
    GROUP BY 1, 2
),
months AS (
    SELECT cohort, customers, unnest(range(cohort, newest.day + 1, INTERVAL 1 MONTH))::DATE AS month
    FROM cohorts, newest
)
SELECT cohort, customers, month, date_diff('month', cohort, month) AS months_since, coalesce(active, 0) AS active,
       coalesce(active, 0) / customers AS share, last_day(month) <= newest.day AS complete
FROM months
LEFT JOIN active USING (cohort, month)
CROSS JOIN newest
ORDER BY cohort, month
