-- A key may be bound to the sources that it speaks for, so that nobody takes another feed's identities first.

ALTER TABLE access_keys
    ADD COLUMN sources text[] CHECK (cardinality(sources) > 0);
COMMENT ON COLUMN access_keys.sources IS 'sources that its events may have, each exact or a prefix that ends with *; NULL: any';
GRANT SELECT (sources) ON access_keys TO stocktide_reader;
