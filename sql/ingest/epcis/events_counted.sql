-- How many captured events meet the conditions, no further than to a number. Conditions are written by ingest.epcis.query.query.
SELECT count(*)
FROM (SELECT FROM epcis_events WHERE {conditions} LIMIT :count) found
