-- Insert events that are new; gives the identities that were. In the order of identities, so that two captures of
-- the same events wait for each other instead of deadlocking; of two under one identity the first of the document stays.
INSERT INTO epcis_events (
    identity, declares_error, event_hash, payload_hash, capture_id, feed, event, context, event_time, event_type,
    action, biz_step, disposition, read_point, biz_location, transformation_id, parent_id, parent_keys, epcs,
    input_epcs, output_epcs, classes, input_classes, output_classes, quantities, units, transactions, sources,
    destinations, dispositions_set, dispositions_unset, error_time, error_reason, corrective_ids, record_time,
    claimed_at)
SELECT identity, declares_error, event_hash, payload_hash, CAST(:capture_id AS uuid), :feed, event, context,
       event_time, event_type, action, biz_step, disposition, read_point, biz_location, transformation_id, parent_id,
       parent_keys, epcs, input_epcs, output_epcs, classes, input_classes, output_classes, quantities, units,
       transactions, sources, destinations, dispositions_set, dispositions_unset, error_time, error_reason,
       coalesce(corrective_ids, '{}'), clock_timestamp(), clock_timestamp()
FROM json_to_recordset(CAST(:rows AS json)) AS t (
    identity text, declares_error boolean, event_hash text, payload_hash text, event json, context json,
    event_time timestamptz, event_type text, action text, biz_step text, disposition text, read_point text,
    biz_location text, transformation_id text, parent_id text, parent_keys text[], epcs text[], input_epcs text[],
    output_epcs text[], classes text[], input_classes text[], output_classes text[], quantities numeric[],
    units text[], transactions text[], sources text[], destinations text[], dispositions_set text[],
    dispositions_unset text[], error_time timestamptz, error_reason text, corrective_ids text[], index integer)
ORDER BY identity, declares_error, index
ON CONFLICT (identity, declares_error) DO NOTHING
RETURNING identity, declares_error
