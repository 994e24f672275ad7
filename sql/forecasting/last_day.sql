-- DuckDB, over the lake. The newest day with activity that is over in every location's time zone; null for none.
SELECT max(day) AS day FROM daily_demand WHERE day <= $last_whole_day
