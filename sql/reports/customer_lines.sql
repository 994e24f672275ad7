-- One customer's lines of orders, the newest first: what was bought and brought back of each product.
-- parameter customer text: pseudonym
-- parameter rows integer: rows at most; all of them where left out
SELECT i.day, i.order_id, i.order_line, p.sku, coalesce(p.name, p.sku) AS name, i.sold::DOUBLE AS sold, i.returned::DOUBLE AS returned,
       p.unit, i.sales::DOUBLE AS sales, i.returns::DOUBLE AS returns, i.currency, count(*) OVER () AS found
FROM order_lines i
JOIN products p USING (product_id)
WHERE i.customer = $customer
ORDER BY i.ordered_at DESC, i.source, i.order_id, i.order_line, p.sku, i.location_id, i.currency
LIMIT $rows
