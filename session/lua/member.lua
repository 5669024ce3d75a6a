-- Says whether a session is among those of its user.
-- KEYS[1] sessions of the user  ARGV[1] handle
return redis.call('ZSCORE', KEYS[1], ARGV[1]) and 1 or 0
