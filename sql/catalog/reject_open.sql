-- How many rejects are open, of all feeds or one and above a number; and the highest number given so far.
SELECT (SELECT count(*) FROM rejects
        WHERE state = 'open' AND reject_id > :after
          AND (CAST(:feed AS text) IS NULL OR feed = :feed))::bigint AS open,
       (SELECT max(reject_id) FROM rejects) AS newest_id
