-- What is captured under identities: the payload's hash tells a repetition from a conflict.
SELECT identity, declares_error, payload_hash
FROM epcis_events
WHERE identity = ANY(CAST(:identities AS text[]))
