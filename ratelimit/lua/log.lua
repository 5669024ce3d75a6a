-- The exact log: a sorted set with one member per permit, scored with its time. A clock that went back leaves hits in
-- the future; up to a window ahead they count, and further ones are no hits of this time.
local since, past = string.format('(%d', now - unit), string.format('%d', now + unit)
local count = redis.call('ZCOUNT', key, since, past)
local last = redis.call('ZREVRANGEBYSCORE', key, past, since, 'WITHSCORES', 'LIMIT', 0, 1)[2]
local back = last and tonumber(last) + unit - now or 0
local rest = math.max(0, limit - count)
local function wait(m)
	local over = string.format('%d', count + m - limit - 1)
	local hit = redis.call('ZRANGEBYSCORE', key, since, past, 'WITHSCORES', 'LIMIT', over, 1)
	return tonumber(hit[2]) + unit - now
end
-- take
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%d', now - unit))
redis.call('ZREMRANGEBYSCORE', key, '(' .. past, '+inf')
addAll(key, now)
count, back = count + n, math.max(back, unit)
redis.call('PEXPIRE', key, string.format('%d', math.ceil(back / 1000)))
