-- The lake as runs left it: which version of each table held what, and as of when a page of the past is to be shown.

CREATE TABLE lake_history (
    history_id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    noted_at         timestamptz NOT NULL DEFAULT now(),
    run_id           bigint,
    xid_before       bigint NOT NULL,
    recorded_through timestamptz,
    versions         jsonb NOT NULL
);
CREATE INDEX lake_history_noted ON lake_history (noted_at);
CREATE INDEX lake_history_xid ON lake_history (xid_before, history_id);
COMMENT ON TABLE lake_history IS 'The version that each table of the lake had when a run of the ETL, or of maintenance, ended: one row a run that changed one.';
COMMENT ON COLUMN lake_history.run_id IS 'run of the ETL that landed it, of the table runs; empty: not known';
COMMENT ON COLUMN lake_history.xid_before IS 'everything from transactions before this one had landed, but for pairs that were held out';
COMMENT ON COLUMN lake_history.recorded_through IS 'the newest recording time of what had landed';
COMMENT ON COLUMN lake_history.versions IS 'version of each table by its name';
COMMENT ON INDEX lake_history_pkey IS 'Serves etl/note_history: the newest row.';
COMMENT ON INDEX lake_history_noted IS 'Serves query/lineage/lake_at: the lake as it was at a moment.';
COMMENT ON INDEX lake_history_xid IS 'Serves query/lineage/first_landed: the first versions with a transaction.';
SELECT grant_to_part('stocktide_api', 'SELECT', ARRAY['lake_history']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, DELETE', ARRAY['lake_history']);
