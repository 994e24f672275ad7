-- Write beside open lines what a run proposes now. Binds: :rows.
UPDATE order_lines o
SET order_run_id = n.order_run_id, explanation = n.explanation, at_risk_micros = n.at_risk_micros,
    on_order_milli = n.on_order_milli, supplier = CASE WHEN o.buyer_milli IS NULL THEN n.supplier ELSE o.supplier END,
    source = CASE WHEN o.buyer_milli IS NULL THEN n.source ELSE o.source END
FROM jsonb_populate_recordset(CAST(NULL AS order_lines), CAST(:rows AS jsonb)) n
WHERE o.line_id = n.line_id
