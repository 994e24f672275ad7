-- Feeds: events by outcome that each feed sent in the 24 hours before the newest minute of any, the busiest first.
SELECT feed, sum(accepted) AS accepted, sum(duplicate) AS duplicate, sum(conflict) AS conflict, sum(rejected) AS rejected,
       max(minute) AS last_heard
FROM feed_minutes
WHERE minute > (SELECT max(minute) FROM feed_minutes) - INTERVAL 24 HOUR
GROUP BY feed
ORDER BY accepted DESC, feed
