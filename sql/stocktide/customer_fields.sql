-- What is known of a customer who is not erased, to be changed. Binds: $1 pseudonym.
SELECT wrapped_key, fields FROM customers WHERE pseudonym = $1::text AND erased_at IS NULL FOR UPDATE
