-- Say of lines that a buyer decided about that the run proposes nothing for them: what the run before said and drew is over.
-- Binds: :ids, :run, :sentence.
UPDATE order_lines
SET order_run_id = :run, at_risk_micros = NULL,
    explanation = jsonb_strip_nulls(jsonb_build_object('sentence', CAST(:sentence AS text), 'lead_days', explanation -> 'lead_days',
                                                       'takes_days', explanation -> 'takes_days'))
WHERE line_id = ANY(:ids)
