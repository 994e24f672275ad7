-- Customers by pseudonym. The ledger and all that is made of it name customers by a random pseudonym; the id that the
-- sender uses stands here alone, encrypted under a key of this customer's own, which erasing destroys.

CREATE TABLE customers (
    pseudonym    text COLLATE "C" PRIMARY KEY CHECK (pseudonym ~ '^c_[a-z2-7]{16}$'),
    id_index     bytea UNIQUE,
    wrapped_key  bytea,
    fields       bytea,
    key_mark     bytea,
    made_at      timestamptz NOT NULL DEFAULT now(),
    erasure      bigint,
    erased_at    timestamptz,
    erased_by    text,
    erase_reason text,
    purged_at    timestamptz,
    CHECK (num_nulls(id_index, wrapped_key, fields, key_mark) IN (0, 4)),
    CHECK ((erased_at IS NULL) = (id_index IS NOT NULL)),
    CHECK (num_nulls(erasure, erased_at, erased_by, erase_reason) IN (0, 4))
);
COMMENT ON TABLE customers IS 'Customers: the pseudonym that the ledger knows, and what is known of who it is, encrypted. Of an erased one the pseudonym is left, with who erased it, when and why.';
COMMENT ON COLUMN customers.pseudonym IS 'random, so that nothing but this row leads from an id to it';
COMMENT ON COLUMN customers.id_index IS 'HMAC-SHA256 of the sender''s id under the installation''s key; null: erased';
COMMENT ON COLUMN customers.wrapped_key IS 'the customer''s data key, encrypted under the installation''s key (AES-256-GCM); null: erased';
COMMENT ON COLUMN customers.fields IS 'JSON of the personal fields, `id` among them, encrypted under the data key (AES-256-GCM); null: erased';
COMMENT ON COLUMN customers.key_mark IS 'tells under which installation''s key the row was made';
COMMENT ON COLUMN customers.erasure IS 'erasures are numbered in the order of their commits: processes that cache pseudonyms compare the newest';
COMMENT ON COLUMN customers.purged_at IS 'when the pages that held the erased fields, and rejects of the customer, were written again without them';
COMMENT ON INDEX customers_pkey IS 'Serves ingest/recorded and stocktide/customer: the customer of a row of the ledger.';
COMMENT ON INDEX customers_id_index_key IS 'Serves stocktide/customers_known and stocktide/customers_new: the customer of an id.';
CREATE UNIQUE INDEX customers_erasure ON customers (erasure) WHERE erasure IS NOT NULL;
COMMENT ON INDEX customers_erasure IS 'Serves ingest/last_erasure and ingest/no_erasure: the newest erasure.';
-- random bytes: nothing is learnt from samples of them, and samples would outlive an erasure
ALTER TABLE customers ALTER COLUMN id_index SET STATISTICS 0, ALTER COLUMN wrapped_key SET STATISTICS 0,
    ALTER COLUMN fields SET STATISTICS 0;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['customers']);
SELECT grant_to_part('stocktide_worker', 'SELECT (pseudonym, made_at, erasure, erased_at, purged_at)', ARRAY['customers']);

CREATE TABLE customer_accesses (
    access_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    action    text NOT NULL CHECK (action IN ('resolve', 'erase')),
    pseudonym text COLLATE "C" NOT NULL,
    asked_by  text NOT NULL,
    reason    text NOT NULL,
    at        timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE customer_accesses IS 'Who resolved a pseudonym to the id behind it, or erased a customer, when and why. Append-only; it holds no id.';
COMMENT ON INDEX customer_accesses_pkey IS 'Serves stocktide/customer_accesses: the newest first.';
CREATE TRIGGER customer_accesses_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON customer_accesses
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change();
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT', ARRAY['customer_accesses']);
SELECT grant_to_part('stocktide_worker', 'SELECT', ARRAY['customer_accesses']);

-- A sample of what was refused would outlive its row, in the planner's statistics.
ALTER TABLE rejects ALTER COLUMN raw SET STATISTICS 0, ALTER COLUMN mended SET STATISTICS 0;
ALTER TABLE reject_actions ALTER COLUMN sent SET STATISTICS 0;
ALTER TABLE statements ALTER COLUMN statement SET STATISTICS 0, ALTER COLUMN error SET STATISTICS 0;

CREATE FUNCTION refuse_erased() RETURNS bigint LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a customer was erased since pseudonyms were looked up' USING ERRCODE = 'ST002';
END $$;
COMMENT ON FUNCTION refuse_erased IS 'Undoes a group of sales whose pseudonyms were cached before an erasure; the caller then looks them up.';

CREATE FUNCTION delete_rejects(ids bigint[]) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    deleted integer;
BEGIN
    PERFORM set_config('stocktide.retention', 'on', true);
    DELETE FROM rejects WHERE reject_id = ANY(ids);
    GET DIAGNOSTICS deleted = ROW_COUNT;
    PERFORM set_config('stocktide.retention', '', true);
    RETURN deleted;
END $$;
COMMENT ON FUNCTION delete_rejects IS 'Deletes rejects with their history, for whoever erases a customer that they name.';

CREATE FUNCTION rewrite_erased() RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    purged integer;
BEGIN
    -- deleted rows stay in a table's pages until something is written over them; a rewritten table has new pages
    CLUSTER customers USING customers_pkey;
    CLUSTER rejects USING rejects_pkey;
    CLUSTER reject_actions USING reject_actions_pkey;
    CLUSTER statements USING statements_pkey;
    UPDATE customers SET purged_at = now() WHERE erased_at IS NOT NULL AND purged_at IS NULL;
    GET DIAGNOSTICS purged = ROW_COUNT;
    RETURN purged;
END $$;
COMMENT ON FUNCTION rewrite_erased IS 'Writes the tables again that held erased fields, in their owner''s name; returns how many customers were purged.';

CREATE FUNCTION leave_wal() RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    FOR number IN 1 .. (SELECT count(*) + 1 FROM pg_ls_waldir()) LOOP
        -- a segment that holds nothing is not left; what is left of one is zeros
        PERFORM pg_logical_emit_message(false, 'stocktide', '');
        PERFORM pg_switch_wal();
    END LOOP;
    CHECKPOINT;
    RETURN true;
EXCEPTION
    -- on a managed server this is its operator's
    WHEN insufficient_privilege THEN RETURN false;
END $$;
COMMENT ON FUNCTION leave_wal IS 'Writes over all segments of the WAL that the server keeps to be used again; returns false where the owner may not.';

REVOKE EXECUTE ON FUNCTION delete_rejects(bigint[]), rewrite_erased(), leave_wal() FROM PUBLIC;
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_api') THEN
        GRANT EXECUTE ON FUNCTION delete_rejects(bigint[]) TO stocktide_api;
    END IF;
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'stocktide_worker') THEN
        GRANT EXECUTE ON FUNCTION rewrite_erased(), leave_wal() TO stocktide_worker;
    END IF;
END $$;
