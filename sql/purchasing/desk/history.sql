-- What happened to a line, the newest last. Binds: :line_id.
SELECT action, by, at, reason, before, after FROM order_actions WHERE line_id = :line_id ORDER BY action_id
