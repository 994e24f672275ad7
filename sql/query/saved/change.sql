-- Change a query of its owner's. No row: there is none, or it is somebody else's.
UPDATE saved_queries
SET name = :name, statement = :statement, parameters = CAST(:parameters AS jsonb), shared = :shared,
    chart = CAST(CAST(:chart AS text) AS jsonb), schedule = :schedule, form = :form, due_at = CAST(:due_at AS timestamptz),
    updated_at = now()
WHERE query_id = :query_id AND owner = :owner
RETURNING query_id
