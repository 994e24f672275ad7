-- Concentration: which share of all customers' net sales the best 1 % to 100 % of them make. Who brought back more than
-- was bought counts as nothing.
-- parameter currency text: currency of the amounts, - for amounts without one; the one of most customers where left out
WITH
-- part customer_currency,
worth AS (
    SELECT greatest((sales - returns)::DOUBLE, 0) AS net_sales
    FROM customers
    JOIN customer_currency USING (currency)
    WHERE days > 0
),
ranked AS (
    SELECT row_number() OVER best AS rank, sum(net_sales) OVER best AS so_far
    FROM worth
    WINDOW best AS (ORDER BY net_sales DESC ROWS UNBOUNDED PRECEDING)
),
everybody AS (
    SELECT count(*) AS customers, sum(net_sales) AS net_sales FROM worth
)
SELECT percent, rank AS customers, so_far AS net_sales, so_far / e.net_sales AS share
FROM unnest(range(1, 101)) AS steps(percent)
CROSS JOIN everybody e
JOIN ranked ON rank = (e.customers * percent + 99) // 100
WHERE e.net_sales > 0
ORDER BY percent
