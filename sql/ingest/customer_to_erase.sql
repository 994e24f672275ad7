-- A customer by pseudonym or by what it is found by.
SELECT pseudonym, wrapped_key, fields, erased_at, erased_by
FROM customers
WHERE pseudonym = CAST(:pseudonym AS text) OR id_index = CAST(:id_index AS bytea)
