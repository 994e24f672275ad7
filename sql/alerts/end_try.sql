-- Write how one try went: delivered, dead, or waiting for the next one. What was taken is never sent again.
UPDATE deliveries
SET state = :state, last_status = :status, last_error = :error, body = CASE WHEN :state <> 'delivered' THEN body END,
    next_at = CASE WHEN :state = 'waiting' THEN now() + make_interval(secs => :wait_s) ELSE next_at END,
    ended_at = CASE WHEN :state <> 'waiting' THEN now() END
WHERE delivery_id = :delivery_id AND state = 'waiting'
