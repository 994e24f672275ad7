-- What a request has done already, by line, with the note of the answer. Binds: :request.
SELECT line_id, action, by, after ->> 'note' AS note FROM order_actions WHERE request = :request ORDER BY line_id
