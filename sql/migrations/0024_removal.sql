-- Products and locations to which nothing refers can be removed, by a transaction that has looked and says so.

CREATE OR REPLACE FUNCTION refuse_deletion() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND TG_TABLE_NAME IN ('products', 'locations')
       AND current_setting('stocktide.removes', true) = TG_TABLE_NAME THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION 'rows of % are never deleted: the ledger names them', TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;
