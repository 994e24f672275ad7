-- Customers by segment: how many, what they bought so far, how long ago, and what they are expected to buy in the next 12
-- months. The rules: best, all scores 4 or 5; loyal, frequency 4 or 5 and recency 3 or more; new, one day, recency 4 or 5;
-- promising, recency 3 or more; at risk, frequency or value 4 or 5; lost, all others. The first that fits.
-- parameter currency text: currency of the amounts, - for amounts without one; the one of most customers where left out
WITH
-- part customer_currency,
-- part customer_segments
SELECT segment, any_value(s.currency) AS currency, count(*) AS customers, count(*) / sum(count(*)) OVER () AS share_of_customers,
       sum(net_sales)::DOUBLE AS net_sales, (sum(net_sales) / nullif(sum(sum(net_sales)) OVER (), 0))::DOUBLE AS share_of_sales,
       avg(days) AS days, median((SELECT max(last_day) FROM customers) - last_day) AS days_since_last,
       avg(v.p_alive) AS p_alive, sum(v.orders) AS expected_orders, sum(v.value) AS expected_value
FROM customer_segments s
JOIN customer_currency USING (currency)
LEFT JOIN customer_values v USING (customer, currency)
GROUP BY segment
ORDER BY net_sales DESC, segment
