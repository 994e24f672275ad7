-- One customer: first and last purchase, days, orders, what was bought and brought back, scores, segment, and what is expected
-- in the next 12 months; a row a currency.
-- parameter customer text: pseudonym
WITH
-- part customer_segments
SELECT c.customer, c.currency, s.segment, s.r AS recency_score, s.f AS frequency_score, s.m AS value_score, c.first_day, c.last_day,
       c.days, c.orders, c.locations, c.sales::DOUBLE AS sales, c.returns::DOUBLE AS returns, v.as_of, v.p_alive,
       v.orders AS expected_orders, v.value AS expected_value, v.low, v.high
FROM customers c
LEFT JOIN customer_segments s ON s.customer = c.customer AND s.currency = c.currency
LEFT JOIN customer_values v ON v.customer = c.customer AND v.currency = c.currency
WHERE c.customer = $customer
ORDER BY sales DESC, c.currency
