-- What was decided on a version; a null score leaves the one that is there.
UPDATE forecast_models
SET status = :status, decided_at = now(), decided_by = :decided_by, reason = :reason,
    champion_score = coalesce(:champion_score, champion_score), margin = coalesce(:margin, margin)
WHERE version = :version
