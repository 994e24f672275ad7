-- The lines that a request has decided already. Binds: :request.
SELECT line_id FROM order_actions WHERE request = :request ORDER BY line_id
