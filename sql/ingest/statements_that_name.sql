-- Statements of the console in which a text stands.
SELECT statement_id, statement, error
FROM statements
WHERE position(:text IN statement) > 0 OR position(:text IN coalesce(error, '')) > 0
FOR UPDATE
