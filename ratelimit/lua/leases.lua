-- Leases: a sorted set with one member per permit, scored with its deadline. After the clock went back, holders that live
-- bring theirs to its time when they renew; those of the dead last until it has caught up.
local since = string.format('(%d', now)
local count = redis.call('ZCOUNT', key, since, '+inf')
local last = redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]
local back = last and math.max(0, tonumber(last) - now) or 0
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
