-- How far the copies in Postgres of the lake's tables have come, written in the same transaction as the copy.

CREATE TABLE served_tables (
    table_name text PRIMARY KEY,
    xid_before xid8 NOT NULL,
    served_at  timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE served_tables IS 'Up to which transaction a copy in Postgres shows its table of the lake; the ETL resumes the copy here.';
COMMENT ON INDEX served_tables_pkey IS 'etl/served_xid';
GRANT SELECT ON served_tables TO stocktide_reader;
