-- Days of sources up to :cutoff that were over at :now, and of which a part was still to come.
SELECT source, day, state, events, expected
FROM feed_completeness(CAST(:now AS timestamptz), 7)
WHERE state IN ('arriving', 'silent') AND day <= :cutoff
