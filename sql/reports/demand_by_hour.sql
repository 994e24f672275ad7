-- Units sold by weekday and hour of the location's own clock, by unit of the products: in all, and on an average day of that
-- weekday. What was corrected does not count.
-- parameter location text: code of a shop; all of them where left out
-- parameter department text: department; all of them where left out
-- parameter category text: category of the department; all of them where left out
-- parameter days integer = 28: length of the period, up to the newest day with data
-- parameter open date: first day that is not over, which is left out with all after it; none where left out
WITH period AS (
    SELECT least(max(day), coalesce($open::DATE - 1, max(day))) AS last, last - $days AS before FROM daily_demand
),
corrected AS (
    SELECT corrects, leg FROM movements WHERE corrects IS NOT NULL
),
weekdays AS (
    SELECT weekday, count(*) AS days FROM days JOIN period ON day > before AND day <= last GROUP BY weekday
),
sold AS (
    SELECT p.unit, isodow(m.day) AS weekday, hour(timezone(l.timezone, m.occurred_at)) AS hour, sum(-m.quantity)::DOUBLE AS units
    FROM movements m
    JOIN kinds k ON k.kind = m.kind AND k.counts_as = 'sold'
    JOIN products p USING (product_id)
    JOIN locations l USING (location_id)
    JOIN period ON m.day > before AND m.day <= last
    WHERE ($location IS NULL OR l.code = $location)
      AND ($department IS NULL OR p.department = $department)
      AND ($category IS NULL OR p.category = $category)
      AND m.corrects IS NULL
      AND NOT EXISTS (SELECT 1 FROM corrected c WHERE c.corrects = m.entry_id - m.leg AND c.leg = m.leg)
    GROUP BY ALL
)
SELECT unit, weekday, hour, units, days, units / days AS units_a_day
FROM sold
JOIN weekdays USING (weekday)
ORDER BY unit, weekday, hour
