-- What there is of a customer.
SELECT pseudonym, wrapped_key, fields, made_at, erased_at FROM customers WHERE pseudonym = :pseudonym
