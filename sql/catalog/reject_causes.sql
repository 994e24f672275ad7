-- Why input was refused: rejects of a state by reason, the most frequent first, and how many groups of one feed, source and
-- field each has.
SELECT reason, sum(rejects)::bigint AS rejects, count(*)::bigint AS groups
FROM (SELECT reason, count(*) AS rejects
      FROM rejects_now
      WHERE state = :state AND (CAST(:feed AS text) IS NULL OR feed = :feed)
      GROUP BY reason, field, feed, source) grouped
GROUP BY reason
ORDER BY rejects DESC, reason
