-- The event, or the error declaration, that is captured under an identity.
SELECT CAST(event AS text) AS event
FROM epcis_events
WHERE identity = :identity AND declares_error = :declares_error
