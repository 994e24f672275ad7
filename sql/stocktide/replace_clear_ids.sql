-- Replace ids of senders in some pages of a partition, also where an attribute repeats one. Binds: $1 ids, $2 pseudonyms.
UPDATE {partition} l
SET customer_id = t.pseudonym,
    attributes = CASE WHEN l.attributes IS NOT NULL THEN (
        SELECT jsonb_object_agg(key, CASE WHEN value = to_jsonb(t.id) THEN to_jsonb(t.pseudonym) ELSE value END)
        FROM jsonb_each(l.attributes)) END
FROM unnest($1::text[], $2::text[]) AS t (id, pseudonym)
WHERE l.ctid >= '({first},0)'::tid AND l.ctid < '({end},0)'::tid AND l.customer_id = t.id
