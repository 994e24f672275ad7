-- What the newest run could not propose, and why: a supplier's least order is not reached, a buyer's budget is too small, a shelf
-- has no forecast.
WITH newest AS (
    SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1
)
SELECT w.value || '; some lines wait' AS why
FROM newest n, jsonb_each_text(coalesce(n.detail -> 'waiting', '{}')) w
UNION ALL
SELECT CASE n.detail ->> 'without_forecast' WHEN '1' THEN '1 shelf has' ELSE (n.detail ->> 'without_forecast') || ' shelves have' END
       || ' no forecast, and nothing is proposed for them'
FROM newest n
WHERE (n.detail ->> 'without_forecast')::integer > 0
ORDER BY why
