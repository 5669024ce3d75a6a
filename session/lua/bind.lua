-- Makes a session valid for a user.
-- KEYS[1] sessions of the user
-- ARGV[1] handle  ARGV[2] its time to live in ms  ARGV[3] how many a user may have, or 0
-- ARGV[4] 'evict' or 'refuse'  ARGV[5] '1' if it must be in there already
-- Returns {1, the handles that had to go...}, {-1} if it is not in there, {-2} if it is refused.
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now))
local mine = redis.call('ZSCORE', KEYS[1], ARGV[1])
if ARGV[5] == '1' and not mine then return {-1} end
local reply, max = {1}, tonumber(ARGV[3])
local over = redis.call('ZCARD', KEYS[1]) - max
if not mine and max > 0 and over >= 0 then
	if ARGV[4] == 'refuse' then return {-2} end
	for _, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, over)) do table.insert(reply, handle) end
	redis.call('ZREMRANGEBYRANK', KEYS[1], 0, over)
end
-- What comes later sorts later, also within the same microsecond.
local score = now + ARGV[2] * 1000
local handle, last = latest()
if last and handle ~= ARGV[1] and last >= score then score = last + 1 end
redis.call('ZADD', KEYS[1], whole(score), ARGV[1])
expire()
return reply
