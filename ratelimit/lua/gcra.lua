-- The generic cell rate algorithm, a token bucket in one number: the time at which the bucket will be full again. The
-- unit, the time between two permits, is a multiple of a quarter of a microsecond, so that all sums are exact. State: that
-- time in quarters, and the time of the last charge. If the latter is to come, the clock went back: the bucket stands
-- still until it has caught up, but if that takes longer than filling the bucket, the state is not of this time.
local full, tat = limit * unit, now
local state = redis.call('GET', key)
if state then
	local at, last = string.match(state, '^(%d+) (%d+)$')
	if at and last - full <= now then tat = math.max(now, at / 4) end
end
local back = math.ceil(tat - now)
local rest = math.max(0, math.floor((full - (tat - now)) / unit))
local function wait(m) return math.ceil(tat + m * unit - full - now) end
-- take
tat = tat + n * unit
back = math.ceil(tat - now)
redis.call('SET', key, string.format('%d %d', tat * 4, now), 'PX', string.format('%d', math.ceil(back / 1000)))
