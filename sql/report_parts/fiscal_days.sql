-- Days with the fiscal year, period (1 to 12) and week that they are in: calendar months, or 13 weeks a quarter as 4-4-5, 4-5-4 or
-- 5-4-4. A year of weeks begins on a weekday: the nearest to the first of a month, or the last one that is not after it.
-- What weeks a year has beyond 52 is in its last period.
fiscal_years AS (
    SELECT year, CASE WHEN $fiscal = 'calendar' THEN target
                      WHEN $fiscal_rule = 'last' OR back <= 3 THEN target - back
                      ELSE target - back + 7
                 END AS first_day
    FROM (SELECT year, make_date(year, $fiscal_month, 1) AS target,
                 ((isodow(make_date(year, $fiscal_month, 1)) - $fiscal_weekday + 7) % 7)::INTEGER AS back
          FROM unnest(range(1998, 2052)) AS years(year))
),
fiscal_periods AS (
    SELECT year, period, period_start, year_start,
           lead(period_start) OVER (ORDER BY period_start) - 1 AS period_end,
           row_number() OVER (ORDER BY period_start) AS number
    FROM (SELECT year, period, first_day AS year_start,
                 CASE WHEN $fiscal = 'calendar' THEN (first_day + to_months((period - 1)::INTEGER))::DATE
                      ELSE first_day + (7 * (13 * ((period - 1) // 3) + CASE (period - 1) % 3
                           WHEN 0 THEN 0
                           WHEN 1 THEN TRY_CAST(left($fiscal, 1) AS INTEGER)
                           ELSE TRY_CAST(left($fiscal, 1) AS INTEGER) + TRY_CAST(substr($fiscal, 3, 1) AS INTEGER)
                           END))::INTEGER
                 END AS period_start
          FROM fiscal_years, unnest(range(1, 13)) AS periods(period))
),
fiscal_days AS (
    SELECT unnest(range(period_start, period_end + 1, INTERVAL 1 DAY))::DATE AS day, year, period, number, period_start, period_end,
           year_start
    FROM fiscal_periods
    WHERE period_end IS NOT NULL
)
