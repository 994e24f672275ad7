-- Note what was done to a line.
INSERT INTO order_actions (line_id, action, by, reason, request, before, after)
VALUES (:line_id, :action, :by, :reason, :request, CAST(:before AS jsonb), CAST(:after AS jsonb))
