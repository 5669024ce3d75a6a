-- The fixed window. State: "index count". A clock that went back by up to a window stands still until it has caught up.
local index, count, back = math.floor(now / unit), 0, 0
local state = redis.call('GET', key)
if state then
	local i, c = string.match(state, '^(%d+) (%d+)$')
	i = (i or -2) - index
	if i == 0 or i == 1 then index, count = index + i, c + 0 end
end
local ends = (index + 1) * unit - now
if count > 0 then back = ends end
local rest = math.max(0, limit - count)
local function wait() return ends end
-- take
count, back = count + n, ends
redis.call('SET', key, string.format('%d %d', index, count), 'PX', string.format('%d', math.ceil(back / 1000)))
