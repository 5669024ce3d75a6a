-- The sessions of a user are one sorted set: a session is valid while its handle is in there. The score is when it
-- ends at the latest, in microseconds of this server's clock; the set ends with the last of them.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]

local function whole(n) return string.format('%.0f', n) end
local function latest()
	local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
	return last[1], tonumber(last[2])
end
local function expire()
	local _, score = latest()
	if score then redis.call('PEXPIREAT', KEYS[1], whole(math.ceil(score / 1000))) end
end

