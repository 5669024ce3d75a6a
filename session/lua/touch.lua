-- Prolongs a session in the set of its user, where it is in there.
-- KEYS[1] sessions of the user  ARGV[1] handle  ARGV[2] its time to live in ms
local mine = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not mine then return 0 end
redis.call('ZADD', KEYS[1], whole(math.max(tonumber(mine), now + ARGV[2] * 1000)), ARGV[1])
expire()
return 1
