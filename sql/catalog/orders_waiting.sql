-- What the newest run could not propose, and why: a supplier's least order is not reached, a buyer's budget is too small, no
-- rate of a currency is known, no order fits a shelf, a shelf has no forecast.
WITH newest AS (
    SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1
),
said AS (
    SELECT k.place, CASE k.kind WHEN 'waiting' THEN w.value || '; some lines wait' ELSE w.value END AS why
    FROM newest n
    CROSS JOIN (VALUES ('waiting', 1), ('not_counted', 2), ('excluded', 3)) k (kind, place)
    CROSS JOIN jsonb_each_text(coalesce(n.detail -> k.kind, '{}')) w
    UNION ALL
    SELECT 4, CASE n.detail ->> 'without_forecast'
                  WHEN '1' THEN '1 shelf has no forecast, and nothing is proposed for it'
                  ELSE (n.detail ->> 'without_forecast') || ' shelves have no forecast, and nothing is proposed for them'
              END
    FROM newest n
    WHERE (n.detail ->> 'without_forecast')::integer > 0
)
SELECT why FROM said ORDER BY place, why
