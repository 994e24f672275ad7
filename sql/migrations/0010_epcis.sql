-- EPCIS: a bounded queue for movements that are made once more, contents of containers, and places by what they name.

ALTER TABLE epcis_events ADD COLUMN settled_at timestamptz;
COMMENT ON COLUMN epcis_events.settled_at IS 'when its movements were made or refused last';
-- Serves the next events whose refused movements are tried once more.
CREATE INDEX epcis_events_refused ON epcis_events (settled_at NULLS FIRST, event_no)
    WHERE movement_state IN ('rejected', 'partial');
-- Serves the search for what a killed process left undone, those first that wait longest.
DROP INDEX epcis_events_pending;
CREATE INDEX epcis_events_pending ON epcis_events (claimed_at NULLS FIRST, event_no) WHERE movement_state = 'pending';
-- Serves what is in a container.
CREATE INDEX epcis_events_packings ON epcis_events (parent_id, event_time, event_no)
    WHERE event_type = 'AggregationEvent' AND action IN ('ADD', 'DELETE');

-- What a place is looked up by: the first twelve digits of its GLN, however that is written, or its address as it is.
-- ingest.epcis.movements.directory finds among those that have one key the one that is meant.
CREATE FUNCTION epcis_place_key(address text) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT CASE
        WHEN address ~ '^[0-9]{13}$' THEN left(address, 12)
        WHEN address ~ '^urn:epc:id:s?p?gln:[0-9]+\.[0-9]*' THEN
            left(replace((regexp_match(address, '^urn:epc:id:s?p?gln:([0-9]+\.[0-9]*)'))[1], '.', ''), 12)
        WHEN address ~* '^https?://' THEN
            coalesce((regexp_match(address, '/(?:414|417|gln|party)/([0-9]{12})[0-9](?:[/?#]|$)'))[1], left(address, 300))
        ELSE left(address, 300)
    END
$$;
-- Serve the search for the locations that events name.
CREATE INDEX locations_place ON locations (epcis_place_key(code));
CREATE INDEX locations_gln ON locations (epcis_place_key(attributes ->> 'gln'));
CREATE INDEX locations_sgln ON locations (epcis_place_key(attributes ->> 'sgln'));
