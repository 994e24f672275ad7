-- What a request has done already, by line. Binds: :request.
SELECT line_id, action, by FROM order_actions WHERE request = :request ORDER BY line_id
