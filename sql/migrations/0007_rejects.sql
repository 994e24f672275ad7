-- The rejects desk: what was mended and replayed, by whom.
SELECT 1;
