-- Statements that people ran by the console: who, what, and what came of it.

CREATE TABLE statements (
    statement_id        uuid PRIMARY KEY,
    asked_by            text NOT NULL,
    statement           text NOT NULL,
    started_at          timestamptz NOT NULL DEFAULT now(),
    finished_at         timestamptz,
    outcome             text CHECK (outcome ~ '^[a-z_]{1,60}$'),
    rows                bigint CHECK (rows >= 0),
    error               text,
    cancel_requested_at timestamptz,
    CHECK ((finished_at IS NULL) = (outcome IS NULL))
);
COMMENT ON TABLE statements IS 'Statements of the SQL console: who asked, what came of it. It is written before the statement runs, and holds no rows of results.';
COMMENT ON COLUMN statements.statement_id IS 'chosen by whoever asks, who can then cancel it';
COMMENT ON COLUMN statements.outcome IS 'done, or the code of the error; null: it runs, or its process was killed';
COMMENT ON COLUMN statements.rows IS 'rows that were handed out';
COMMENT ON INDEX statements_pkey IS 'Serves query/finish_statement, query/cancel_statement, query/is_cancelled';
CREATE INDEX statements_running ON statements (asked_by, started_at) WHERE finished_at IS NULL;
COMMENT ON INDEX statements_running IS 'Serves query/begin_statement: how many of a user''s statements run.';
GRANT SELECT ON statements TO stocktide_reader;
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['statements']);
SELECT grant_to_part('stocktide_worker', 'SELECT, DELETE', ARRAY['statements']);
