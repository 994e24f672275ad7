-- Why some lines of the newest run wait (a supplier's least order is not reached, a buyer's budget is too small), which
-- amounts it could not count, since no rate of their currency is known, and what no order fits.
SELECT CASE k.kind WHEN 'waiting' THEN w.value || '; some lines wait' ELSE w.value END AS why
FROM (SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1) r
CROSS JOIN (VALUES ('waiting', 1), ('not_counted', 2), ('excluded', 3)) k (kind, place)
CROSS JOIN jsonb_each_text(coalesce(r.detail -> k.kind, '{}')) w
ORDER BY k.place, w.key
