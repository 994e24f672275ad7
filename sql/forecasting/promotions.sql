-- All that made a version champion, oldest first.
SELECT action, version FROM forecast_decisions WHERE action <> 'reject' ORDER BY decision_id
