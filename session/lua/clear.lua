-- Ends all sessions of a user.
-- KEYS[1] sessions of the user
-- Returns their handles.
local all = redis.call('ZRANGE', KEYS[1], 0, -1)
redis.call('UNLINK', KEYS[1])
return all
