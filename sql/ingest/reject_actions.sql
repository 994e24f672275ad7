-- What was done about one reject, the oldest first.
SELECT action_id, action, by, reason, at, outcome, fault_reason, fault_message
FROM reject_actions
WHERE reject_id = :id
ORDER BY action_id
