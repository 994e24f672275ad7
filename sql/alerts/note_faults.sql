-- Note what the evaluation failed on.
INSERT INTO alert_faults AS f (subject, product_id, location_id, error)
SELECT * FROM unnest(CAST(:subjects AS text[]), CAST(:product_ids AS int[]), CAST(:location_ids AS int[]),
                     CAST(:errors AS text[]))
ON CONFLICT (subject) DO UPDATE SET error = excluded.error, times = f.times + 1, last_at = now()
