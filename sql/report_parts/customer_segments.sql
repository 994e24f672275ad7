-- Customers who bought, with scores of recency, frequency and value from 1 to 5, and a segment: the first rule that fits. A
-- score is 1 and one more for each fifth of the customers of the same currency that one is above the limit of, so that
-- equal customers have equal scores.
score_limits AS (
    SELECT currency, quantile_disc(last_day, [0.2, 0.4, 0.6, 0.8]) AS recency,
           quantile_disc(days, [0.2, 0.4, 0.6, 0.8]) AS frequency,
           quantile_disc(sales - returns, [0.2, 0.4, 0.6, 0.8]) AS value
    FROM customers
    WHERE days > 0
    GROUP BY currency
),
customer_scores AS (
    SELECT c.*, c.sales - c.returns AS net_sales,
           1 + (last_day > recency[1])::INTEGER + (last_day > recency[2])::INTEGER + (last_day > recency[3])::INTEGER
             + (last_day > recency[4])::INTEGER AS r,
           1 + (days > frequency[1])::INTEGER + (days > frequency[2])::INTEGER + (days > frequency[3])::INTEGER
             + (days > frequency[4])::INTEGER AS f,
           1 + (sales - returns > value[1])::INTEGER + (sales - returns > value[2])::INTEGER
             + (sales - returns > value[3])::INTEGER + (sales - returns > value[4])::INTEGER AS m
    FROM customers c
    JOIN score_limits USING (currency)
    WHERE days > 0
),
customer_segments AS (
    SELECT *,
           CASE WHEN r >= 4 AND f >= 4 AND m >= 4 THEN 'best'
                WHEN r >= 3 AND f >= 4 THEN 'loyal'
                WHEN r >= 4 AND days = 1 THEN 'new'
                WHEN r >= 3 THEN 'promising'
                WHEN f >= 4 OR m >= 4 THEN 'at risk'
                ELSE 'lost'
           END AS segment
    FROM customer_scores
)
