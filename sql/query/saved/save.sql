-- Save a new query. No row: its owner has one of this name. saved_queries_name serves it.
INSERT INTO saved_queries (owner, name, statement, parameters, shared, chart, schedule, form, due_at)
SELECT :owner, :name, :statement, CAST(:parameters AS jsonb), :shared, CAST(CAST(:chart AS text) AS jsonb), :schedule, :form,
       CAST(:due_at AS timestamptz)
WHERE (SELECT count(*) FROM saved_queries WHERE owner = :owner) < CAST(:most AS int)
ON CONFLICT (owner, name) DO NOTHING
RETURNING query_id
