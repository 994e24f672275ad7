-- Make the rules of kinds those of this version.
INSERT INTO event_kinds SELECT * FROM jsonb_populate_recordset(CAST(NULL AS event_kinds), CAST(:kinds AS jsonb))
