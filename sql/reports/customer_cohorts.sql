-- Cohorts: customers by the month of their first purchase, and how many of them bought in each month since; or by periods of the
-- fiscal calendar.
-- parameter currency text: currency of the purchases, - for those without one; the one of most customers where left out
-- parameter fiscal text = calendar: calendar for months, or 4-4-5, 4-5-4 or 5-4-4
-- parameter fiscal_month integer = 1: month that the year begins in
-- parameter fiscal_weekday integer = 7: first weekday of a year of weeks, 1 is Monday
-- parameter fiscal_rule text = nearest: a year of weeks begins on the weekday nearest to the first of its month, or the last before
WITH
-- part customer_currency,
-- part fiscal_days,
newest AS (
    SELECT max(last_day) AS day FROM customers
),
cohorts AS (
    SELECT period_start AS cohort, any_value(number) AS cohort_number, count(*) AS customers
    FROM customers
    JOIN customer_currency USING (currency)
    JOIN fiscal_days f ON f.day = first_day
    WHERE days > 0
    GROUP BY 1
),
active AS (
    SELECT f.period_start AS cohort, b.period_start AS month, count(DISTINCT customer) AS active
    FROM customer_days d
    JOIN customer_currency USING (currency)
    JOIN fiscal_days f ON f.day = d.first_day
    JOIN fiscal_days b ON b.day = d.day
    GROUP BY 1, 2
)
SELECT c.cohort, customers, p.period_start AS month, p.number - cohort_number AS months_since, coalesce(active, 0) AS active,
       coalesce(active, 0) / customers AS share, p.period_end <= newest.day AS complete
FROM cohorts c
CROSS JOIN newest
JOIN fiscal_periods p ON p.number >= c.cohort_number AND p.period_start <= newest.day
LEFT JOIN active a ON a.cohort = c.cohort AND a.month = p.period_start
ORDER BY c.cohort, month
