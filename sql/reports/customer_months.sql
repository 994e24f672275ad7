-- One customer by month and currency: days with a purchase, what was bought, and what came back on the same days.
-- parameter customer text: pseudonym
SELECT date_trunc('month', day)::DATE AS month, currency, count(*) AS days, sum(sales)::DOUBLE AS sales, sum(returns)::DOUBLE AS returns
FROM customer_days
WHERE customer = $customer
GROUP BY 1, 2
ORDER BY month, currency
