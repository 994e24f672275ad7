-- The champion that a version replaced when it was last promoted: where a rollback from it leads.
SELECT replaced FROM forecast_decisions
WHERE version = :version AND action = 'promote'
ORDER BY decision_id DESC
LIMIT 1
