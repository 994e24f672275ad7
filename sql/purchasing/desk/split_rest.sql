-- Open a line for what is ordered later of a line that was just ordered, snoozed until its day. Binds: :line_id, :rest, :until.
INSERT INTO order_lines (supplier, product, location, state, order_run_id, proposed_milli, explanation, at_risk_micros,
                         on_order_milli, price_micros, currency, source, buyer_milli, snoozed_until)
SELECT supplier, product, location, 'snoozed', order_run_id, proposed_milli, explanation, at_risk_micros,
       on_order_milli + ordered_milli, price_micros, currency, source, :rest, CAST(:until AS date)
FROM order_lines
WHERE line_id = :line_id
RETURNING line_id
