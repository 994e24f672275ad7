-- The newest run that predicted what customers will buy, with what it kept of its fits.
SELECT run_id, finished_at, detail FROM runs WHERE job = 'customer_values' AND status = 'succeeded' ORDER BY run_id DESC LIMIT 1
