-- Store who decided what, and why.
INSERT INTO forecast_decisions (action, version, replaced, decided_by, reason)
VALUES (:action, :version, :replaced, :decided_by, :reason)
