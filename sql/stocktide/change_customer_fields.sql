-- Replace what is known of a customer, under a new data key. Binds: $1 pseudonym, $2 wrapped key, $3 encrypted fields.
UPDATE customers SET wrapped_key = $2::bytea, fields = $3::bytea WHERE pseudonym = $1::text
