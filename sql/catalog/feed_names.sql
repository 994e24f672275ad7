-- The names of all feeds that ever sent or are expected to, in alphabetical order.
SELECT feed FROM feed_silence ORDER BY feed
