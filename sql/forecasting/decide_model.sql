-- Store the decision on a version; a null score keeps the stored one.
UPDATE forecast_models
SET status = :status, decided_at = now(), decided_by = :decided_by, reason = :reason,
    champion_score = coalesce(:champion_score, champion_score), margin = coalesce(:margin, margin)
WHERE version = :version
