-- The sliding window counter: what was counted in this window, and the share of the last one that still lies within
-- reach. State: "index current previous". A clock that went back by up to a window stands still until it has caught up.
local index, current, previous = math.floor(now / unit), 0, 0
local gone, ahead = now - index * unit, 0
local state = redis.call('GET', key)
if state then
	local i, c, p = string.match(state, '^(%d+) (%d+) (%d+)$')
	i = (i or -2) - index
	if i == 0 then
		current, previous = c + 0, p + 0
	elseif i == -1 then
		previous = c + 0
	elseif i == 1 then
		index, current, previous, gone, ahead = index + 1, c + 0, p + 0, 0, unit - gone
	end
end
local rest, back = limit - current, 0
if previous > 0 then
	rest, back = rest - math.ceil(previous * (unit - gone) / unit), ahead + unit - gone
end
if current > 0 then back = ahead + 2 * unit - gone end
if rest < 0 then rest = 0 end
local function wait(m)
	-- The hits of which window have to fade, to what share of theirs?
	local hits, share, begins = previous, limit - current - m, ahead - gone
	if share < 0 then
		hits, share, begins = current, limit - m, ahead - gone + unit
	end
	return begins + unit - math.floor(share * unit / hits)
end
-- take
current, back = current + n, ahead + 2 * unit - gone
redis.call('SET', key, string.format('%d %d %d', index, current, previous), 'PX', string.format('%d', math.ceil(back / 1000)))
