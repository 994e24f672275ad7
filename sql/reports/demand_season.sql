-- Season: units sold a day in each month of the calendar, over all of the history, and their index: 1 is the mean of the
-- months that have data. A trend over the years is in it.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter open date: first day that is not over, which is left out with all after it; none where left out
WITH sold AS (
    SELECT p.unit, d.day, sum(d.sold)::DOUBLE AS sold
    FROM daily_demand d
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND ($open IS NULL OR d.day < $open)
    GROUP BY p.unit, d.day
),
spans AS (
    SELECT unit, min(day) AS first, max(day) AS last FROM sold GROUP BY unit
),
months AS (
    SELECT unit, c.month, count(*) AS days, coalesce(sum(sold), 0) / count(*) AS units_a_day
    FROM spans
    JOIN days c ON c.day BETWEEN first AND last
    LEFT JOIN sold USING (unit, day)
    GROUP BY unit, c.month
)
SELECT unit, month, days, units_a_day, units_a_day / nullif(avg(units_a_day) OVER (PARTITION BY unit), 0) AS index,
       count(*) OVER (PARTITION BY unit) AS months
FROM months
ORDER BY unit, month
