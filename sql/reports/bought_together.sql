-- Bought together: pairs of products in one order, among orders with two products or more, that came at least 30 times.
-- Support is their share of these orders; lift is how much oftener they come together than if they knew nothing of each
-- other. Only the products in most orders are paired.
-- parameter location text: code of a shop; all of them where left out
-- parameter days integer = 364: length of the period, up to the newest day with data
-- parameter products integer = 200: how many products are paired
-- parameter least integer = 30: how often a pair must come at least
WITH period AS (
    SELECT max(day) - $days AS before FROM order_lines
),
baskets AS MATERIALIZED (
    SELECT list_distinct(list(product_id)) AS products
    FROM order_lines o
    JOIN locations l USING (location_id)
    JOIN period ON o.day > before
    WHERE o.sold > 0 AND ($location IS NULL OR l.code = $location)
    GROUP BY o.source, o.order_id
    HAVING min(product_id) < max(product_id)
),
popular AS MATERIALIZED (
    SELECT product_id, count(*) AS orders
    FROM (SELECT unnest(products) AS product_id FROM baskets)
    GROUP BY product_id
    ORDER BY orders DESC, product_id
    LIMIT $products
),
firsts AS (
    SELECT unnest(products) AS one, products FROM baskets
),
seconds AS (
    SELECT one, unnest(products) AS other FROM firsts SEMI JOIN popular ON product_id = one
),
pairs AS (
    SELECT one, other, count(*) AS together
    FROM seconds
    SEMI JOIN popular ON product_id = other
    WHERE other > one
    GROUP BY ALL
    HAVING count(*) >= $least
)
SELECT a.sku, a.name, b.sku AS other_sku, b.name AS other_name, together, x.orders, y.orders AS other_orders, n.orders AS all_orders,
       together / n.orders AS support, together * n.orders::DOUBLE / (x.orders * y.orders) AS lift
FROM pairs
JOIN popular x ON x.product_id = one
JOIN popular y ON y.product_id = other
JOIN products a ON a.product_id = one
JOIN products b ON b.product_id = other
CROSS JOIN (SELECT count(*) AS orders FROM baskets) n
ORDER BY lift DESC, together DESC, a.sku, b.sku
