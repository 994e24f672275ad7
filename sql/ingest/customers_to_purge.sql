-- How many customers were erased, but not yet from the pages of tables.
SELECT count(*) FROM customers WHERE erased_at IS NOT NULL AND purged_at IS NULL
