-- Exports that the worker writes for saved queries by their schedules.

CREATE TABLE query_exports (
    export_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    query_id    bigint NOT NULL REFERENCES saved_queries ON DELETE CASCADE,
    started_at  timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    file        text,
    rows        bigint CHECK (rows >= 0),
    bytes       bigint CHECK (bytes >= 0),
    error       text
);
COMMENT ON TABLE query_exports IS 'Exports of saved queries: when each ran, which file it wrote, or why it did not.';
COMMENT ON COLUMN query_exports.export_id IS 'in the order of their beginning';
COMMENT ON COLUMN query_exports.query_id IS 'query that was exported';
COMMENT ON COLUMN query_exports.started_at IS 'when it began';
COMMENT ON COLUMN query_exports.finished_at IS 'null: it runs, or its process was killed';
COMMENT ON COLUMN query_exports.file IS 'name in the query''s folder under HOME/exports; null: none was written, or it made room for newer ones';
COMMENT ON COLUMN query_exports.rows IS 'rows of the file: all of the result';
COMMENT ON COLUMN query_exports.bytes IS 'size of the file';
COMMENT ON COLUMN query_exports.error IS 'why no file was written';
COMMENT ON INDEX query_exports_pkey IS 'Serves query/saved/finish_export';
CREATE INDEX query_exports_of ON query_exports (query_id, export_id DESC);
COMMENT ON INDEX query_exports_of IS 'Serves query/saved/exports, and the deletion of a query.';
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['query_exports']);
SELECT grant_to_part('stocktide_worker', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['query_exports']);
-- the page System shows what waits in the queue, which has tables of its own
DO $$
BEGIN
    IF to_regclass('procrastinate_jobs') IS NOT NULL THEN
        GRANT SELECT ON procrastinate_jobs, procrastinate_events TO stocktide_reader;
    END IF;
END $$;
-- its statements are recorded as those of people are
SELECT grant_to_part('stocktide_worker', 'INSERT, UPDATE', ARRAY['statements']);
