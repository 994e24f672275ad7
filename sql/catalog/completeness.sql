-- How much of each of the last :days days has come from each source at :now.
SELECT * FROM feed_completeness(CAST(:now AS timestamptz), CAST(:days AS int))
