-- Calendar: one row a day from 2000 to 2049, for joining and for days on which nothing happened.
-- reads:
SELECT
    day, -- date
    year(day) AS year, -- calendar year
    quarter(day) AS quarter, -- 1 to 4
    month(day) AS month, -- 1 to 12
    date_trunc('month', day)::DATE AS month_start, -- first day of the month
    isoyear(day) AS iso_year, -- year that the ISO week belongs to
    weekofyear(day) AS iso_week, -- ISO week, 1 to 53
    date_trunc('week', day)::DATE AS week_start, -- Monday of the week
    isodow(day) AS weekday, -- 1 is Monday, 7 is Sunday
    dayname(day) AS weekday_name, -- Monday to Sunday
    isodow(day) > 5 AS is_weekend -- true on Saturday and Sunday
FROM (SELECT unnest(range(DATE '2000-01-01', DATE '2050-01-01', INTERVAL 1 DAY))::DATE AS day)
