-- Open lines for needs that have none. Binds: :rows.
INSERT INTO order_lines (supplier, product, location, order_run_id, proposed_milli, explanation, at_risk_micros,
                         on_order_milli, price_micros, currency, source)
SELECT supplier, product, location, order_run_id, proposed_milli, explanation, at_risk_micros, on_order_milli, price_micros,
       currency, source
FROM jsonb_populate_recordset(CAST(NULL AS order_lines), CAST(:rows AS jsonb))
ORDER BY product, location
RETURNING line_id, product, location
