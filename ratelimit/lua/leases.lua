-- Leases: a sorted set with one member per permit, scored with its deadline.
local since = string.format('(%d', now)
local last = bound(key, tonumber(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]), unit)
local count = redis.call('ZCOUNT', key, since, '+inf')
local back = last and math.max(0, last - now) or 0
local rest = math.max(0, limit - count)
local function wait(m)
	local over = string.format('%d', count + m - limit - 1)
	local held = redis.call('ZRANGEBYSCORE', key, since, '+inf', 'WITHSCORES', 'LIMIT', over, 1)
	return tonumber(held[2]) - now
end
-- take
redis.call('ZREMRANGEBYSCORE', key, '-inf', string.format('%d', now))
addAll(key, now + unit)
count, back = count + n, math.max(back, unit)
redis.call('PEXPIRE', key, string.format('%d', math.ceil(back / 1000)))
