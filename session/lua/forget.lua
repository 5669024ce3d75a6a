-- Ends one session of a user.
-- KEYS[1] sessions of the user  ARGV[1] handle
return redis.call('ZREM', KEYS[1], ARGV[1])
