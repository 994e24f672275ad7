-- One customer's favourite products by currency: how often they were bought, how much of them, and for how much.
-- parameter customer text: pseudonym
-- parameter rows integer: rows at most; all of them where left out
SELECT p.sku, coalesce(p.name, p.sku) AS name, p.department, p.category, count(DISTINCT i.day) AS days,
       sum(i.sold)::DOUBLE AS sold, p.unit, sum(i.sales - i.returns)::DOUBLE AS net_sales, i.currency,
       min(i.day) AS first_day, max(i.day) AS last_day, count(*) OVER () AS found
FROM order_lines i
JOIN products p USING (product_id)
WHERE i.customer = $customer AND i.sold > 0
GROUP BY p.sku, p.name, p.department, p.category, p.unit, i.currency
ORDER BY days DESC, net_sales DESC, p.sku, i.currency
LIMIT $rows
