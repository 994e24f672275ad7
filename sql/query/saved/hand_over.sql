-- Keep a statement that a panel hands to the page SQL.
INSERT INTO query_handovers (handover_id, title, statement)
VALUES (:handover_id, :title, :statement)
ON CONFLICT (handover_id) DO UPDATE SET made_at = now()
