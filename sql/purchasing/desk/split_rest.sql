-- Open a line for what is ordered later of a line that was just ordered, snoozed until its day: with a sentence, data and a risk of
-- its own, and without the chart, which is of the whole. Binds: :line_id, :rest, :at_risk, :until, :sentence, :data.
INSERT INTO order_lines (supplier, product, location, state, order_run_id, proposed_milli, explanation, at_risk_micros,
                         on_order_milli, price_micros, currency, source, buyer_milli, snoozed_until)
SELECT supplier, product, location, 'snoozed', order_run_id, proposed_milli,
       explanation - ARRAY['days', 'with', 'without', 'served', 'doubt', 'level']
       || jsonb_build_object('sentence', CAST(:sentence AS text),
                             'data', CAST(:data AS jsonb) || jsonb_build_object('pack', coalesce(explanation -> 'data' -> 'pack', '1'))),
       CAST(:at_risk AS bigint), on_order_milli + ordered_milli, price_micros, currency, source, :rest, CAST(:until AS date)
FROM order_lines
WHERE line_id = :line_id
RETURNING line_id
