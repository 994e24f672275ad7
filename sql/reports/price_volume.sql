-- Price against volume: the elasticity of sales to the price, and prices beside the units sold at them. A price of a product
-- in a shop counts if it was asked on seven days in stock at least, one after another or not, and something sold: logarithm
-- of units a day against logarithm of price, each against its mean of the pair, all pairs together, by least squares.
-- Promotions are prices too.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 364: length of the period, up to the newest day with data
-- parameter open date: first day that is not over, which is left out with all after it; none where left out
WITH period AS (
    SELECT max(day) - $days AS before, coalesce($open::DATE, max(day) + 1) AS open FROM daily_demand
),
-- one price has nothing to be compared with; most pairs have no other
changing AS (
    SELECT product_id, location_id
    FROM daily_demand
    JOIN period ON day > before AND day < open
    GROUP BY ALL
    HAVING min(price) < max(price)
),
shelves AS (
    SELECT product_id, location_id, day, coalesce(d.sold, 0)::DOUBLE AS sold, NOT s.out_of_stock AS stocked,
           last_value(d.price IGNORE NULLS) OVER so_far AS price
    FROM daily_demand d
    FULL JOIN daily_stock s USING (product_id, location_id, day)
    SEMI JOIN changing USING (product_id, location_id)
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON day > before AND day < open
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    WINDOW so_far AS (PARTITION BY product_id, location_id ORDER BY day ROWS UNBOUNDED PRECEDING)
),
held AS (
    SELECT product_id, location_id, ln(price::DOUBLE) AS price, ln(avg(sold)) AS volume
    FROM shelves
    WHERE stocked AND shelves.price > 0
    GROUP BY product_id, location_id, shelves.price
    HAVING count(*) >= 7 AND sum(sold) > 0
),
centred AS (
    SELECT product_id, location_id, price - avg(price) OVER pair AS x, volume - avg(volume) OVER pair AS y
    FROM held
    WINDOW pair AS (PARTITION BY product_id, location_id)
    QUALIFY count(*) OVER pair >= 2
),
sums AS (
    SELECT count(*) AS prices, count(DISTINCT (product_id, location_id)) AS pairs, sum(x * x) AS xx, sum(x * y) AS xy, sum(y * y) AS yy
    FROM centred
),
fit AS (
    SELECT prices - pairs AS price_changes, pairs, xy / nullif(xx, 0) AS elasticity,
           CASE WHEN prices - pairs > 1 THEN sqrt(greatest(yy - xy * xy / nullif(xx, 0), 0) / (prices - pairs - 1) / nullif(xx, 0)) END
               AS standard_error
    FROM sums
)
-- prices by steps of a twentieth: each is beside the mean of its pair
SELECT round(exp(x) * 20) / 20 AS relative_price, exp(avg(y)) AS relative_volume, count(*) AS prices,
       any_value(elasticity) AS elasticity, any_value(standard_error) AS standard_error, any_value(price_changes) AS price_changes,
       any_value(pairs) AS pairs
FROM centred, fit
GROUP BY relative_price
ORDER BY relative_price
