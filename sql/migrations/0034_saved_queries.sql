-- Queries that people keep: named statements, and statements that a page hands to the page SQL.

CREATE TABLE saved_queries (
    query_id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    owner      text NOT NULL,
    name       text NOT NULL CHECK (length(name) BETWEEN 1 AND 100),
    statement  text NOT NULL,
    parameters jsonb NOT NULL DEFAULT '[]',
    shared     boolean NOT NULL DEFAULT false,
    chart      jsonb,
    schedule   text,
    form       text CHECK (form IN ('csv', 'parquet')),
    due_at     timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT saved_queries_name UNIQUE (owner, name),
    CONSTRAINT saved_queries_schedule CHECK ((schedule IS NULL) = (form IS NULL) AND (schedule IS NULL) = (due_at IS NULL))
);
COMMENT ON TABLE saved_queries IS 'Statements that people keep under a name, with parameters, a chart and a schedule of exports.';
COMMENT ON COLUMN saved_queries.query_id IS 'number in the address of the page SQL';
COMMENT ON COLUMN saved_queries.owner IS 'user of the dashboard, system user with (command line), or key with the word key before it';
COMMENT ON COLUMN saved_queries.name IS 'unique among those of its owner';
COMMENT ON COLUMN saved_queries.statement IS 'one SELECT of the SQL console';
COMMENT ON COLUMN saved_queries.parameters IS 'for each $name in the statement: name, kind, default';
COMMENT ON COLUMN saved_queries.shared IS 'true: everybody who may ask in SQL may run it; only the owner changes it';
COMMENT ON COLUMN saved_queries.chart IS 'mark, x, y, colour; null: as the page draws any result';
COMMENT ON COLUMN saved_queries.schedule IS 'cron line in UTC; null: it is not exported by itself';
COMMENT ON COLUMN saved_queries.form IS 'of the exports';
COMMENT ON COLUMN saved_queries.due_at IS 'when the next export is due';
COMMENT ON COLUMN saved_queries.created_at IS 'when it was saved first';
COMMENT ON COLUMN saved_queries.updated_at IS 'when it was changed last';
COMMENT ON INDEX saved_queries_pkey IS 'Serves query/saved/find, query/saved/change, query/saved/remove';
COMMENT ON INDEX saved_queries_name IS 'Serves query/saved/save and query/saved/named; keeps names of an owner apart.';
CREATE INDEX saved_queries_due ON saved_queries (due_at) WHERE due_at IS NOT NULL;
COMMENT ON INDEX saved_queries_due IS 'Serves query/saved/due';
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE, DELETE', ARRAY['saved_queries']);
SELECT grant_to_part('stocktide_worker', 'SELECT, UPDATE', ARRAY['saved_queries']);

CREATE TABLE query_handovers (
    handover_id text PRIMARY KEY,
    title       text NOT NULL,
    statement   text NOT NULL,
    made_at     timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE query_handovers IS 'Statements that a panel of a page hands to the page SQL; the address holds their id alone.';
COMMENT ON COLUMN query_handovers.handover_id IS 'hash of title and statement: the same panel has the same address';
COMMENT ON COLUMN query_handovers.title IS 'panel that it is of';
COMMENT ON COLUMN query_handovers.statement IS 'with the values of the page''s filters in it';
COMMENT ON COLUMN query_handovers.made_at IS 'when it was handed over last';
COMMENT ON INDEX query_handovers_pkey IS 'Serves query/saved/hand_over, query/saved/handed_over';
SELECT grant_to_part('stocktide_api', 'SELECT, INSERT, UPDATE', ARRAY['query_handovers']);
SELECT grant_to_part('stocktide_worker', 'SELECT, DELETE', ARRAY['query_handovers']);

CREATE INDEX statements_of ON statements (asked_by, started_at DESC);
COMMENT ON INDEX statements_of IS 'Serves query/saved/history: the newest statements of a user.';
