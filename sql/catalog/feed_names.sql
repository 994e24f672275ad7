-- The names of all feeds that were ever heard or are expected, in the order of the alphabet.
SELECT feed FROM feed_silence ORDER BY feed
