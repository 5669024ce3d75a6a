-- Ends all sessions of a user but one, if that one is valid.
-- KEYS[1] sessions of the user  ARGV[1] handle
-- Returns {1, the handles that had to go...}, or {-1}.
local mine = redis.call('ZSCORE', KEYS[1], ARGV[1])
if not mine then return {-1} end
local reply = {1}
for _, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
	if handle ~= ARGV[1] then table.insert(reply, handle) end
end
redis.call('UNLINK', KEYS[1])
redis.call('ZADD', KEYS[1], mine, ARGV[1])
expire()
return reply
