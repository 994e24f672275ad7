-- One customer's orders and receipts of tills, the newest first; sales without an order are not among them.
-- parameter customer text: pseudonym
-- parameter rows integer: rows at most; all of them where left out
SELECT o.day, o.order_id, o.source, l.code, coalesce(l.name, l.code) AS location, o.channel, o.lines, o.products,
       o.sales::DOUBLE AS sales, o.returns::DOUBLE AS returns, o.currency, count(*) OVER () AS found
FROM orders o
LEFT JOIN locations l USING (location_id)
WHERE o.customer = $customer
ORDER BY o.ordered_at DESC, o.source, o.order_id, o.currency
LIMIT $rows
