-- Promotion lift: units sold on days of a promotion beyond the median of the same weekdays outside promotions in the eight
-- weeks before and after, of shops that had stock; shops that began on one day are together. The range is the one that
-- holds ordinary days in 80 of 100 cases; after: the same difference in the two weeks after it, below zero where purchases
-- came earlier.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 364: promotions that began in so many days, up to the newest day with data
-- parameter open date: first day that is not over, which is left out with all after it; none where left out
WITH period AS (
    SELECT max(day) - $days AS before, max(day) AS last, coalesce($open::DATE, max(day) + 1) AS open FROM daily_demand
),
-- a day is a promotion's if it ran at noon there
ran AS (
    SELECT r.product_id, r.location_id, (timezone(l.timezone, r.from_at) + INTERVAL 12 HOUR)::DATE AS first,
           least((timezone(l.timezone, r.until_at) - INTERVAL 12 HOUR)::DATE, period.last) AS last
    FROM promotions r
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON r.day < open
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
),
shelves AS (
    SELECT s.product_id, s.location_id, s.day, isodow(s.day) AS weekday, coalesce(d.sold, 0)::DOUBLE AS sold
    FROM daily_stock s
    SEMI JOIN ran USING (product_id, location_id)
    LEFT JOIN daily_demand d USING (product_id, location_id, day)
    JOIN period ON s.day < open AND s.day > before - 56
    WHERE NOT s.out_of_stock
),
-- each promotion with the days around it
around AS (
    SELECT r.product_id, r.location_id, r.first, r.last, s.day, s.weekday, s.sold,
           EXISTS (SELECT 1 FROM ran o
                   WHERE o.product_id = s.product_id AND o.location_id = s.location_id AND s.day BETWEEN o.first AND o.last)
               AS promoted
    FROM ran r
    JOIN period ON r.first > before AND r.first <= r.last
    JOIN shelves s ON s.product_id = r.product_id AND s.location_id = r.location_id AND s.day BETWEEN r.first - 56 AND r.last + 56
),
beside AS (
    SELECT *, sold - median(sold) FILTER (WHERE NOT promoted) OVER (PARTITION BY product_id, location_id, first, weekday) AS more
    FROM around
),
of_shop AS (
    SELECT product_id, first, last,
           count(more) FILTER (WHERE day BETWEEN first AND last) AS days,
           sum(sold) FILTER (WHERE day BETWEEN first AND last AND more IS NOT NULL) AS sold,
           sum(more) FILTER (WHERE day BETWEEN first AND last) AS lift,
           avg(more * more) FILTER (WHERE NOT promoted) AS variance,
           sum(more) FILTER (WHERE NOT promoted AND day BETWEEN last + 1 AND last + 14) AS after
    FROM beside
    GROUP BY product_id, location_id, first, last
),
of_promotion AS (
    SELECT product_id, first, max(last) AS last, count(*) AS shops, sum(days)::BIGINT AS days, sum(sold) AS sold, sum(lift) AS lift,
           -- the 90 % quantile of the normal distribution
           1.2815515655446004 * sqrt(sum(days * variance)) AS reach, sum(after) AS after
    FROM of_shop
    WHERE days > 0
    GROUP BY product_id, first
)
SELECT p.sku, p.name, p.unit, first, last, shops, days, sold, sold - lift AS ordinary, lift, lift - reach AS lift_low,
       lift + reach AS lift_high, after
FROM of_promotion
JOIN products p USING (product_id)
ORDER BY lift DESC, p.sku, first
