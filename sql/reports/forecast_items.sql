-- Forecast of the items of one level: expected units over the horizon, overrides in them, and as published; the largest first.
-- parameter level text: name of the level, such as product; all of them where left out
-- parameter location text: code of a shop that the items are of; all of them where left out
-- parameter department text: department that the items are of; all of them where left out
-- parameter category text: category that the items are of; all of them where left out
SELECT level, item, sku, location_code, department, category, sum(forecast) AS units,
       sum(published) AS published, min(day) AS first_period,
       max(day) AS last_period
FROM forecasts
WHERE ($level IS NULL OR level = $level)
  AND ($location IS NULL OR location_code = $location)
  AND ($department IS NULL OR department = $department)
  AND ($category IS NULL OR category = $category)
GROUP BY level, item, sku, location_code, department, category
ORDER BY units DESC, level, item
