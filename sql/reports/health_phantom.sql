-- Probable phantom stock: shelves whose book says stock, with the chance that there is none. Beside each other stand how likely the days without a sale are
-- if the shelf is full (at the share of days on which it used to sell, recent days weighing more, each day by what its category and its shop sold), and that it
-- emptied unseen on one of them, which is likelier the less the book has. Goods that came, a count and a sensor speak too; ranked by the money that a day costs.
-- What sells in no shop any more has ended, and is not missing.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter chance number = 0.6: list shelves from this chance on
-- parameter rows integer: rows at most; all of them where left out
WITH
-- part unit_values,
newest AS (
    SELECT max(day) AS newest FROM daily_demand
),
-- goods came where more is there at the close than what was there and was not sold
shelves AS (
    SELECT s.product_id, s.location_id, s.day, s.out_of_stock, s.on_hand::DOUBLE AS on_hand, coalesce(d.sold, 0)::DOUBLE AS sold,
           s.on_hand + coalesce(d.sold, 0)
               > lag(s.on_hand) OVER (PARTITION BY s.product_id, s.location_id ORDER BY s.day) AS came
    FROM daily_stock s
    JOIN newest n ON s.day > n.newest - 182 AND s.day <= n.newest
    LEFT JOIN daily_demand d ON d.product_id = s.product_id AND d.location_id = s.location_id AND d.day = s.day
),
-- a shop that sold nothing was closed, or did not send
shop_days AS (
    SELECT location_id, day, count(*) AS shelves, count(*) FILTER (WHERE sold > 0) AS selling
    FROM shelves
    WHERE NOT out_of_stock
    GROUP BY location_id, day
    HAVING bool_or(sold > 0)
),
stocked AS (
    SELECT s.product_id, s.location_id, s.day, s.on_hand, s.sold, coalesce(p.category, p.department, '') AS of_kind
    FROM shelves s
    JOIN shop_days o ON o.location_id = s.location_id AND o.day = s.day
    JOIN products p ON p.product_id = s.product_id
    WHERE NOT s.out_of_stock
),
chain_days AS (
    SELECT day, avg((sold > 0)::INTEGER) / avg(avg((sold > 0)::INTEGER)) OVER () AS pace FROM stocked GROUP BY day
),
kinds_sold AS (
    SELECT of_kind, avg((sold > 0)::INTEGER) AS share FROM stocked GROUP BY of_kind
),
shops_sold AS (
    SELECT location_id, avg((sold > 0)::INTEGER) AS share FROM stocked GROUP BY location_id
),
-- share of shelves of its kind that sold on a day; few shelves say less than the whole chain does
kind_days AS (
    SELECT s.of_kind, s.day, (count(*) FILTER (WHERE s.sold > 0) + 3 * k.share * c.pace) / (count(*) + 3) AS share
    FROM stocked s
    JOIN kinds_sold k ON k.of_kind = s.of_kind
    JOIN chain_days c ON c.day = s.day
    GROUP BY s.of_kind, s.day, k.share, c.pace
),
-- how much more of its shelves sold on a day than in the other shops
shop_paces AS (
    SELECT o.location_id, o.day, (o.selling / (m.share * c.pace) + 10) / (o.shelves + 10) AS pace
    FROM shop_days o
    JOIN shops_sold m ON m.location_id = o.location_id
    JOIN chain_days c ON c.day = o.day
),
-- of a product with shelves in several shops, days after its last sale in any of them say that it ended
products_sold AS (
    SELECT product_id, max(day) FILTER (WHERE sold > 0) AS last_sold, count(DISTINCT location_id) AS shops
    FROM stocked
    GROUP BY product_id
),
expected AS (
    SELECT s.product_id, s.location_id, s.day, s.on_hand, s.sold, d.share * o.pace AS expected
    FROM stocked s
    JOIN kind_days d ON d.of_kind = s.of_kind AND d.day = s.day
    JOIN shop_paces o ON o.location_id = s.location_id AND o.day = s.day
    JOIN products_sold t ON t.product_id = s.product_id AND (t.shops = 1 OR s.day <= t.last_sold)
),
last_days AS (
    SELECT s.product_id, s.location_id, max(s.day) FILTER (WHERE s.sold > 0) AS last_sold,
           greatest(max(s.day) FILTER (WHERE s.sold > 0 OR s.came), any_value(k.counted_at)::DATE) AS last_seen
    FROM shelves s
    JOIN stock k ON k.product_id = s.product_id AND k.location_id = s.location_id AND k.on_hand > 0
    GROUP BY s.product_id, s.location_id
),
-- days with and without a sale up to the last one, half as much by 60 days ago
weighed AS (
    SELECT e.product_id, e.location_id, l.last_sold, l.last_seen, e.sold, e.expected, pow(0.5, (l.last_sold - e.day) / 60) AS weight
    FROM expected e
    JOIN last_days l ON l.product_id = e.product_id AND l.location_id = e.location_id AND e.day <= l.last_sold
),
habits AS (
    SELECT product_id, location_id, last_sold, last_seen, count(*) AS days_before, count(*) FILTER (WHERE sold > 0) AS days_sold,
           0.5 + sum(weight) FILTER (WHERE sold > 0) AS selling, 0.5 + coalesce(sum(weight) FILTER (WHERE sold = 0), 0) AS idle,
           sum(weight * expected) / sum(weight) AS expected, sum(weight * sold) / sum(weight) AS sold_a_day
    FROM weighed
    GROUP BY product_id, location_id, last_sold, last_seen
    HAVING count(*) >= 14
),
-- of each day since: how much it says beside an ordinary one, and the chance that the shelf emptied unseen on it
silent AS (
    SELECT h.*, e.day, least(3, e.expected / h.expected) AS says, 0.0003 + least(0.05 / pow(greatest(1, ceil(e.on_hand)), 2), 0.5) AS emptied
    FROM expected e
    JOIN habits h ON h.product_id = e.product_id AND h.location_id = e.location_id AND e.day > h.last_seen
),
before AS (
    SELECT *, coalesce(sum(says) OVER earlier, 0) AS said, coalesce(sum(ln(1 - emptied)) OVER earlier, 0) AS kept
    FROM silent
    WINDOW earlier AS (PARTITION BY product_id, location_id ORDER BY day ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)
),
-- beta-geometric: the share of days with a sale is known from so many days alone
summed AS (
    SELECT product_id, location_id, last_sold, last_seen, days_before, days_sold, sold_a_day, count(*) AS days_without,
           sum(emptied * exp(kept + lgamma(idle + said) - lgamma(selling + idle + said) - lgamma(idle) + lgamma(selling + idle))) AS gone,
           exp(sum(ln(1 - emptied)) + lgamma(idle + sum(says)) - lgamma(selling + idle + sum(says)) - lgamma(idle) + lgamma(selling + idle))
               AS there
    FROM before
    GROUP BY product_id, location_id, last_sold, last_seen, days_before, days_sold, sold_a_day, selling, idle
),
-- a sensor is wrong once in twenty times
judged AS (
    SELECT m.*, m.gone * CASE WHEN k.sensed_at::DATE <= m.last_seen OR k.sensed IS NULL THEN 1
                              WHEN k.sensed > 0 THEN 0.05 / 0.95 ELSE 0.95 / 0.05 END AS weighs
    FROM summed m
    JOIN stock k USING (product_id, location_id)
    JOIN products_sold t ON t.product_id = m.product_id
    JOIN newest n ON t.last_sold > n.newest - 28
)
SELECT p.sku, coalesce(p.name, p.sku) AS name, l.code, coalesce(l.name, l.code) AS location, k.on_hand::DOUBLE AS on_hand,
       p.unit, j.last_sold, j.days_sold, j.days_before, j.days_without, j.weighs / (j.weighs + j.there) AS chance,
       j.sold_a_day, j.sold_a_day * coalesce(k.price, p.price)::DOUBLE * j.weighs / (j.weighs + j.there) AS lost_a_day,
       CASE WHEN k.price IS NOT NULL THEN k.currency ELSE p.currency END AS sells_in,
       k.on_hand::DOUBLE * v.unit_value AS value, v.currency, count(*) OVER () AS found
FROM judged j
JOIN stock k USING (product_id, location_id)
JOIN unit_values v USING (product_id, location_id)
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND j.weighs / (j.weighs + j.there) >= $chance
ORDER BY lost_a_day DESC NULLS LAST, chance DESC, p.sku, l.code
LIMIT $rows
