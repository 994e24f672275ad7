-- Customers at a glance, by currency: how many there are, how many bought on more than one day, in the last 365 days, and
-- which share of net sales names no customer. Sales in another currency than their day's main one are left out of that share.
WITH newest AS (
    SELECT max(last_day) AS day FROM customers
),
known AS (
    SELECT currency, count(*) FILTER (days > 0) AS customers, count(*) FILTER (days > 1) AS repeat_customers,
           count(*) FILTER (last_day > newest.day - 365) AS active_customers, sum(sales)::DOUBLE AS sales,
           sum(returns)::DOUBLE AS returns, min(first_day) AS first_day, any_value(newest.day) AS newest_day
    FROM customers, newest
    GROUP BY currency
),
all_sales AS (
    SELECT coalesce(currency, '') AS currency, sum(revenue)::DOUBLE AS net_sales
    FROM daily_demand
    GROUP BY 1
)
SELECT coalesce(k.currency, a.currency) AS currency, coalesce(k.customers, 0) AS customers,
       coalesce(k.repeat_customers, 0) AS repeat_customers, coalesce(k.active_customers, 0) AS active_customers,
       coalesce(k.sales, 0) AS sales, coalesce(k.returns, 0) AS returns, a.net_sales AS all_net_sales,
       CASE WHEN a.net_sales > 0
            THEN least(greatest(1 - coalesce(k.sales - k.returns, 0) / a.net_sales, 0), 1)
       END AS unnamed_share,
       k.first_day, k.newest_day
FROM known k
FULL JOIN all_sales a ON a.currency = k.currency
WHERE k.customers > 0 OR a.net_sales <> 0
ORDER BY customers DESC, currency
