-- Why some lines of the newest run wait: a supplier's least order is not reached, or a buyer's budget is too small.
SELECT w.value AS why
FROM (SELECT detail FROM order_runs ORDER BY order_run_id DESC LIMIT 1) r, jsonb_each_text(coalesce(r.detail -> 'waiting', '{}')) w
ORDER BY w.key
