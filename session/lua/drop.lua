-- Ends a session.
-- KEYS[1] session
return redis.call('UNLINK', KEYS[1])
