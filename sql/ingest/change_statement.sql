-- Change what is kept of a statement of the console.
UPDATE statements SET statement = :statement, error = :error WHERE statement_id = :statement_id
