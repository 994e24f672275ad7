-- Who made which version champion, rejected it or rolled back, newest first.
SELECT decided_at, action, version, replaced, decided_by, reason
FROM forecast_decisions
ORDER BY decision_id DESC
LIMIT :limit
