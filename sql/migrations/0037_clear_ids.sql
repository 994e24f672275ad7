-- Which months of the ledger, and with them the lake, still name customers by the ids of their senders, and a scope of keys that may see those.

CREATE TABLE clear_ids (
    place    text PRIMARY KEY,
    noted_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE clear_ids IS 'Where rows may name customers by the ids of their senders. A start replaces them in the ledger, the next ETL run makes the lake again; each takes its places out when they are done, and from then on it is empty.';
COMMENT ON COLUMN clear_ids.place IS 'a partition of the ledger, or lake';
COMMENT ON INDEX clear_ids_pkey IS 'Serves etl/lake_has_clear_ids.';
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['clear_ids']);
SELECT grant_to_part('stocktide_worker', 'SELECT, DELETE', ARRAY['clear_ids']);

DO $$
DECLARE
    part regclass;
    found boolean;
BEGIN
    FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'ledger'::regclass LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s WHERE customer_id IS NOT NULL)', part) INTO found;
        IF found THEN
            INSERT INTO clear_ids (place) VALUES (part::text), ('lake') ON CONFLICT DO NOTHING;
        END IF;
    END LOOP;
END $$;

ALTER TABLE access_keys DROP CONSTRAINT access_keys_scope_check;
ALTER TABLE access_keys ADD CONSTRAINT access_keys_scope_check
    CHECK (scope IN ('ingest', 'read', 'operate', 'personal'));
