-- Record a statement that begins, unless its user has as many running; one of a process that was killed counts until
-- its time is over. No row: too many run, or there is one of this id. statements_running serves it.
INSERT INTO statements (statement_id, asked_by, statement)
SELECT CAST(:statement_id AS uuid), :asked_by, :statement
WHERE (SELECT count(*) FROM statements
       WHERE asked_by = :asked_by AND finished_at IS NULL
         AND started_at > now() - make_interval(secs => CAST(:seconds AS float8))) < CAST(:most AS int)
ON CONFLICT (statement_id) DO NOTHING
RETURNING statement_id
