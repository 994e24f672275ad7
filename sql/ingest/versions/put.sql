-- Record rows; one that stands there with the same content is left alone.
INSERT INTO {table} ({columns})
SELECT {columns} FROM jsonb_populate_recordset(CAST(NULL AS {table}), CAST(:rows AS jsonb))
ON CONFLICT ({id}) WHERE withdrawn_at IS NULL DO NOTHING
