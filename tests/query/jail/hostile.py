# ruff: noqa: E501, S608 - statements stand whole, and must not be well made
"""Statements that nobody may run: families by what they are after, each in many spellings."""

from collections.abc import Iterator, Sequence

FILES = (
    "/etc/passwd",
    "/proc/self/environ",
    "../../SECRET",
    "{secret}",
    "/dev/stdin",
    "~/.ssh/id_rsa",
    "/**",
)
WRITES = (
    "INSERT INTO t VALUES (1)", "UPDATE t SET a = 2", "DELETE FROM t", "DROP VIEW t", "DROP TABLE t", "TRUNCATE t",
    "CREATE TABLE x AS SELECT 1", "CREATE OR REPLACE VIEW t AS SELECT 2", "CREATE TEMP TABLE x (a INT)",
    "CREATE MACRO f(a) AS a", "CREATE SCHEMA s", "CREATE SEQUENCE q", "CREATE TYPE e AS ENUM ('a')",
    "CREATE INDEX i ON t (a)", "ALTER VIEW t RENAME TO u", "MERGE INTO t USING t AS s ON true WHEN MATCHED THEN DELETE",
    "INSERT INTO t SELECT * FROM t RETURNING *", "CREATE SECRET s (TYPE s3)", "DROP SCHEMA main CASCADE",
    "COMMENT ON VIEW t IS 'x'", "CHECKPOINT", "FORCE CHECKPOINT", "VACUUM", "ANALYZE", "BEGIN", "COMMIT", "ROLLBACK",
    "PREPARE p AS SELECT 1", "EXECUTE p", "DEALLOCATE p", "DECLARE c CURSOR FOR SELECT 1", "CALL force_checkpoint()",
)  # fmt: skip
COPIES = (
    "COPY t TO '{out}'", "COPY (SELECT 1) TO '{out}' (FORMAT parquet)", "COPY t FROM '/etc/passwd'",
    "COPY (SELECT 1) TO PROGRAM 'touch {out}'", "EXPORT DATABASE '{out}'", "IMPORT DATABASE '{out}'",
    "COPY (SELECT 1) TO '{out}' (FORMAT json)", "COPY (FROM t) TO 's3://bucket/x'", "COPY FROM DATABASE memory TO x",
)  # fmt: skip
ATTACHES = (
    "ATTACH '{out}' AS x", "ATTACH ':memory:' AS x", "ATTACH 'postgres:dbname=stocktide' AS x (TYPE postgres)",
    "ATTACH '/etc/passwd' (TYPE sqlite)", "ATTACH IF NOT EXISTS '{out}.duckdb'", "DETACH memory", "USE temp",
    "ATTACH 'https://example.com/x.duckdb'", "ATTACH 'ducklake:{out}'",
)  # fmt: skip
READERS = (
    "read_csv", "read_csv_auto", "read_text", "read_blob", "read_json", "read_json_auto", "read_ndjson", "glob",
    "read_parquet", "parquet_scan", "parquet_metadata", "parquet_schema", "parquet_kv_metadata", "sniff_csv",
    "read_duckdb", "read_json_objects", "parquet_file_metadata", "parquet_full_metadata", "parquet_bloom_probe",
)  # fmt: skip
SETTINGS = (
    "SET memory_limit = '100GB'", "SET enable_external_access = true", "SET GLOBAL threads = 64", "RESET memory_limit",
    "SET lock_configuration = false", "SET temp_directory = '/tmp'", "SET VARIABLE a = 1", "RESET ALL",
    "SET allowed_directories = ['/']", "SET python_enable_replacements = true", "SET home_directory = '/'",
    "SET log_query_path = '{out}'", "SET search_path = 'pg_catalog'", "SET file_search_path = '/'",
    "PRAGMA database_list", "PRAGMA table_info('t')", "PRAGMA enable_profiling", "PRAGMA version",
    "PRAGMA profiling_output = '{out}'", "PRAGMA show_tables", "PRAGMA memory_limit = '1TB'", "PRAGMA platform",
    "INSTALL httpfs", "LOAD httpfs", "INSTALL spatial FROM community", "LOAD '{out}.so'", "UPDATE EXTENSIONS",
    "FORCE INSTALL httpfs FROM 'http://127.0.0.1/'", "CALL enable_logging()", "CALL pragma_version()",
)  # fmt: skip
CATALOGS = (
    "duckdb_settings()", "duckdb_secrets()", "duckdb_extensions()", "duckdb_tables()", "duckdb_views()",
    "duckdb_functions()", "duckdb_databases()", "duckdb_logs()", "duckdb_memory()", "duckdb_temporary_files()",
    "duckdb_variables()", "pg_catalog.pg_class", "pg_class", "pg_tables", "pg_views", "pg_settings",
    "information_schema.tables", "information_schema.columns", "INFORMATION_SCHEMA.SCHEMATA", "sqlite_master",
    "main.t", "memory.main.t", "temp.t", "system.main.duckdb_views", "duckdb_tables", "pragma_table_info('t')",
    "pragma_database_size()", "pg_timezone_names()", "test_all_types()", "seq_scan('t')", "input_t",
    "pandas_scan(140000000000)", "arrow_scan(1, 2, 3)", "python_map_function(1)", "query('SELECT 1')",
    "query_table('t')", "json_execute_serialized_sql('x')", "duckdb_external_file_cache()", "which_secret('s3://', 's3')",
)  # fmt: skip
FUNCTIONS = (
    "current_setting('memory_limit')", "getenv('HOME')", "getvariable('a')", "version()", "current_database()",
    "current_schemas(true)", "current_user()", "current_query()", "pg_get_viewdef(1)", "nextval('q')",
    "inet_server_addr()", "has_table_privilege('t', 'select')", "sleep_ms(100000)", "pg_sleep(1000)", "write_log('x')",
    "read_text('/etc/passwd')", "json_serialize_sql('SELECT 1')", "json_deserialize_sql('x')", "txid_current()",
    "finalize('x'::BLOB)", "combine('x'::BLOB, 'x'::BLOB)", "query('SELECT 1')", "getenv(concat('HO', 'ME'))",
    "cast_to_type('1', 2)", "vector_type(1)", "stats(1)", "main.current_setting('threads')",
    "system.main.current_setting('threads')",
)  # fmt: skip
NETWORK = (
    "'https://example.com/x.csv'", "'http://169.254.169.254/latest/meta-data/'", "'s3://bucket/x.parquet'",
    "'gcs://b/x'", "'hf://datasets/x'", "'ftp://127.0.0.1/x'", "'//127.0.0.1/share/x'", "'file:///etc/passwd'",
)  # fmt: skip
STACKED = (
    "SELECT 1; {evil}", "{evil}; SELECT 1", "SELECT 1;;{evil};", "SELECT 1 /* */ ; {evil}", "SELECT 1 -- x\n; {evil}",
    "WITH a AS (SELECT 1) SELECT * FROM a; {evil}", "SELECT ';' ; {evil}", "SELECT $$;$$; {evil}",
    "EXPLAIN {evil}", "EXPLAIN ANALYZE {evil}", "/* SELECT */ {evil}", "-- SELECT 1\n{evil}", "(SELECT 1); {evil}",
    "DESCRIBE t; {evil}", "SHOW TABLES; {evil}", "\ufeff{evil}", "\u00a0{evil}", "SELECT 1\u037e {evil}; {evil}",
    "SELECT 1; \u2028{evil}", "WITH a AS MATERIALIZED (SELECT 1) {evil}", "FROM t SELECT *; {evil}", "{evil} --",
)  # fmt: skip
SPELLINGS = (
    'SELECT * FROM "read_csv"({file})', "FROM READ_CSV({file})", "FROM/**/read_csv/**/({file})", "TABLE {file}",
    "SELECT * FROM main.read_text({file})", "SELECT * FROM system.main.read_text({file})", "FROM {file}",
    "SELECT (SELECT content FROM read_text({file}))", "SELECT * FROM t WHERE EXISTS (FROM read_blob({file}))",
    "SELECT * FROM t, LATERAL (SELECT * FROM glob({file}))", "SELECT * FROM t UNION ALL FROM read_text({file})",
    "WITH x AS (FROM read_text({file})) FROM x", "SELECT * FROM t JOIN {file} ON true", "PIVOT {file} ON a",
    "SELECT * FROM read_text([{file}])", "VALUES ((SELECT count(*) FROM glob({file})))", "UNPIVOT {file} ON a",
    "FROM query('FROM ' || {file})", "SELECT list(x) FROM (FROM read_text({file})) x", "SUMMARIZE {file}",
    "DESCRIBE FROM {file}", "SELECT * FROM t QUALIFY (SELECT 1 FROM read_text({file})) = 1", "SHOW ALL TABLES",
    "SELECT * FROM t ORDER BY (SELECT content FROM read_text({file}))", "SELECT COLUMNS(*) FROM read_text({file})",
    "SELECT 1 LIMIT (SELECT count(*) FROM glob({file}))", "SELECT * FROM (VALUES (1)) v, read_text({file})",
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a FROM r, read_text({file})) FROM r", "FROM t AT (VERSION => 1)",
    "SELECT * FROM t TABLESAMPLE 1 ROWS, {file}", "WITH input_t AS (SELECT 1) FROM input_t", "SELECT * FROM 'tﾠ'",
    "SELECT [x FOR x IN (SELECT content FROM read_text({file}))]", "SELECT\0 1",
)  # fmt: skip
# What is allowed and never ends, or never fits.
BOMBS = (
    "WITH RECURSIVE r AS (SELECT 1 AS a UNION ALL SELECT a + 1 FROM r) SELECT count(*) FROM r",
    "WITH RECURSIVE r AS (SELECT 'x' AS a UNION ALL SELECT a || a FROM r) SELECT max(length(a)) FROM r",
    "SELECT repeat('x', 4000000000)", "SELECT sum(length(repeat('x', 100000000))) FROM range(1000000)",
    "SELECT count(*) FROM range(1000000000) a, range(1000000000) b, range(1000000000) c WHERE a.range + b.range = c.range",
    "SELECT sum(a.range * b.range) FROM generate_series(1, 10000000) a(range), generate_series(1, 10000000) b(range)",
    "SELECT list(range) FROM range(10000000000)", "SELECT string_agg(range::VARCHAR, ',') FROM range(10000000000)",
    "SELECT md5(i::VARCHAR) m, i FROM range(2000000000) t(i) ORDER BY m",
    "SELECT DISTINCT md5(i::VARCHAR) FROM range(2000000000) t(i)",
    "SELECT regexp_matches(repeat('a', 100000) || 'b', '(a|aa|a?)*c') FROM range(100000000)",
    "SELECT count(*) FROM range(100000000) WHERE regexp_replace(range::VARCHAR, '(1*)*2', 'x', 'g') = ''",
    "SELECT m, count(*) FROM (SELECT md5(i::VARCHAR) m FROM range(2000000000) t(i)) GROUP BY m",
    "SELECT unnest(range(0, 9000000000000000000))", "SELECT lpad('x', 2000000000, 'y') || lpad('x', 2000000000, 'y')",
    "SELECT a.*, row_number() OVER (ORDER BY md5(a.range::VARCHAR)) FROM range(2000000000) a",
    "SELECT " + "(" * 20_000 + "1" + ")" * 20_000, "SELECT " + "1 + " * 40_000 + "1", "SELECT " + "-" * 1 + "1 " * 9_000,
    "SELECT " + "[" * 5_000 + "]" * 5_000, "SELECT 1 WHERE " + " OR ".join(f"1 = {n}" for n in range(10_000)),
    "WITH " + ", ".join(f"c{n} AS (SELECT * FROM {'t' if n == 0 else f'c{n - 1}, c{n - 1} AS z'})" for n in range(30))
    + " SELECT count(*) FROM c29", "SELECT format('{{:>2000000000}}', 'x')", "SELECT factorial(1000000)",
    "SELECT list_reduce(range(100000000), lambda a, b: a + b) FROM range(1000)",
    "SELECT levenshtein(repeat('a', 200000), repeat('b', 200000)) FROM range(100000)",
    "SELECT list_sort(list_transform(range(50000000), lambda x: md5(x::VARCHAR))) FROM range(100)",
    "SELECT * FROM range(1000000000) a LEFT JOIN range(1000000000) b ON a.range < b.range ORDER BY md5(a.range::VARCHAR)",
)  # fmt: skip
# A name that WITH defines somewhere, where it is not seen: DuckDB looks for a file, a catalog or an input of that name.
SCOPES = (
    "SELECT * FROM (WITH {name} AS (SELECT 1 AS a) FROM {name}) x, {name} y",
    "WITH x AS (SELECT * FROM {name}), {name} AS (SELECT 1 AS a) FROM x",
    "SELECT * FROM {name} WHERE EXISTS (WITH {name} AS (SELECT 1) FROM {name})",
    "(WITH {name} AS (SELECT 1 AS a) FROM {name}) UNION ALL FROM {name}",
    "WITH {name} AS (SELECT * FROM {name}) FROM {name}",
    "SELECT (WITH {name} AS (SELECT 1) SELECT count(*) FROM {name}), * FROM {name}",
)
HIDDEN_NAMES = (
    '"handed://input_t/0.parquet"', '"/etc/passwd.csv"', "duckdb_settings", "pg_class", "sqlite_master", '"x.json"',
    "duckdb_views", "input_t",
)  # fmt: skip
# Letters that are small letters of others for Python and not for DuckDB.
FOLDED = (
    'WITH "duc\u212adb_settings" AS (SELECT 1) SELECT * FROM duckdb_settings',
    'WITH "duc\u212adb_views" AS (SELECT 1) SELECT * FROM DUCKDB_VIEWS',
)
EVIL = (
    "DROP VIEW t",
    "COPY t TO '{out}'",
    "SET memory_limit = '1TB'",
    "SELECT * FROM read_text('/etc/passwd')",
)


def refused() -> Iterator[str]:
    """Statements that do not run at all."""
    yield from (
        *WRITES,
        *COPIES,
        *ATTACHES,
        *SETTINGS,
        "",
        " ",
        ";",
        "-- nothing",
        "SELEC 1",
        "SELECT FROM WHERE",
    )
    yield from (f"SELECT * FROM {reader}('{file}')" for reader in READERS for file in FILES)
    yield from (f"SELECT * FROM {name}" for name in (*CATALOGS, *NETWORK))
    yield from (f"FROM read_parquet({name})" for name in NETWORK)
    yield from (f"SELECT {function}" for function in FUNCTIONS)
    yield from (stacked.replace("{evil}", evil) for stacked in STACKED for evil in EVIL)
    yield from (scope.replace("{name}", name) for scope in SCOPES for name in HIDDEN_NAMES)
    yield from FOLDED
    yield from (
        spelling.replace("{file}", f"'{FILES[n % 4]}'") for n, spelling in enumerate(SPELLINGS)
    )


def every(count: int, statements: Sequence[str]) -> list[str]:
    """Some of them, spread over all families."""
    return list(statements)[:: max(1, len(statements) // count)] if count else list(statements)
