-- Each feed's last hour of events, and when it last sent.
SELECT feed, max(minute) AS last_heard, max(newest_occurred_at) AS newest_event,
       sum(accepted)::bigint AS accepted, sum(duplicate)::bigint AS duplicate, sum(conflict)::bigint AS conflict,
       sum(rejected)::bigint AS rejected, count(*) OVER ()::int AS found
FROM feed_minutes
GROUP BY feed
ORDER BY last_heard DESC
LIMIT :limit
