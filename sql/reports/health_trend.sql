-- Out-of-stock rate by day, of the last days with data: known shelf-days without stock for a time, of all known shelf-days.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 91: length of the period, up to the newest day with data
WITH newest AS (
    SELECT max(day) AS day FROM daily_demand
)
SELECT s.day, count(*) FILTER (WHERE s.out_of_stock) AS empty, count(*) AS known,
       count(*) FILTER (WHERE s.out_of_stock) / count(*) AS rate
FROM daily_stock s
JOIN newest n ON s.day > n.day - $days AND s.day <= n.day
JOIN products p USING (product_id)
JOIN locations l USING (location_id)
WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
GROUP BY s.day
ORDER BY s.day
