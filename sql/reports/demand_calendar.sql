-- Demand of each day of the last 52 weeks by unit of the products, beside what is expected of it: the mean of the same
-- weekday in the four weeks before and after, without the day itself.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter open date: first day that is not over; from it on nothing is expected, and no mean counts it; none where left out
WITH sold AS (
    SELECT p.unit, d.day, sum(d.sold)::DOUBLE AS sold
    FROM daily_demand d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
    GROUP BY p.unit, d.day
),
spans AS (
    SELECT unit, min(day) AS first, (SELECT max(day) FROM daily_demand) AS last FROM sold GROUP BY unit
),
every AS (
    SELECT unit, c.day, last, coalesce(sold, 0) AS sold, c.day < coalesce($open::DATE, last + 1) AS is_over
    FROM spans
    JOIN days c ON c.day BETWEEN greatest(first, last - 363 - 28) AND last
    LEFT JOIN sold USING (unit, day)
),
beside AS (
    SELECT *, avg(sold) FILTER (WHERE is_over) OVER around AS usual
    FROM every
    WINDOW around AS (PARTITION BY unit, isodow(day) ORDER BY day
                      RANGE BETWEEN INTERVAL 28 DAY PRECEDING AND INTERVAL 28 DAY FOLLOWING EXCLUDE CURRENT ROW)
)
SELECT day, unit, sold, CASE WHEN is_over THEN usual END AS expected, CASE WHEN is_over THEN sold / nullif(usual, 0) END AS ratio
FROM beside
WHERE day > last - 364
ORDER BY day, unit
