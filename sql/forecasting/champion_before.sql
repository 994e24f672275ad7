-- The champion that a version replaced when it was last promoted: a rollback returns to it.
SELECT replaced FROM forecast_decisions
WHERE version = :version AND action = 'promote'
ORDER BY decision_id DESC
LIMIT 1
