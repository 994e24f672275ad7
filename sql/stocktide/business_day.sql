-- The day that is not over yet at some location, the earliest of their own; where there is none, the day in UTC. Binds: :now.
SELECT coalesce(min(local_date(CAST(:now AS timestamptz), timezone)), local_date(CAST(:now AS timestamptz), 'UTC')) FROM locations
