-- What one event moved, as people read it, and its declaration.
SELECT identity AS "eventID", declares_error AS "errorDeclaration", movement_state AS state, movement_note AS note,
       movements
FROM epcis_events
WHERE identity = :identity
ORDER BY declares_error
