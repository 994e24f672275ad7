-- Which references are numbers of the order desk: purchase orders, lines of its transfers (TR-5-1), and moves that a run proposes
-- (MV-7-2). Binds: :references.
SELECT a.reference
FROM unnest(CAST(:references AS text[])) AS a (reference)
WHERE EXISTS (SELECT FROM purchase_orders po
              WHERE po.order_id = coalesce(substring(a.reference FROM '^(TR-\d+)-\d+$'), a.reference) COLLATE "C")
   OR EXISTS (SELECT FROM order_runs r
              WHERE r.order_run_id = CAST(substring(a.reference FROM '^MV-(\d{1,18})-\d+$') AS bigint))
