-- The first moment of which the lake is known.
SELECT min(noted_at) FROM lake_history
