-- Why some lines of the newest run wait (a supplier's least order is not reached, a buyer's budget is too small), and which
-- amounts it could not count, since no rate of their currency is known.
SELECT CASE k.kind WHEN 'waiting' THEN w.value || '; some lines wait' ELSE w.value END AS why
FROM (SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1) r
CROSS JOIN (VALUES ('waiting'), ('not_counted')) k (kind)
CROSS JOIN jsonb_each_text(coalesce(r.detail -> k.kind, '{}')) w
ORDER BY k.kind DESC, w.key
