-- No lease ends later than a lease from now. One that does was taken before the clock went back: its holder, if it lives,
-- renews it in time, and if it is dead its place must not stay taken until the clock has caught up. Returns the latest end.
local function bound(key, last, lease)
	local furthest = now + lease
	if not last or last <= furthest then return last end
	local ahead, score = redis.call('ZRANGEBYSCORE', key, string.format('(%d', furthest), '+inf'), string.format('%d', furthest)
	for first = 1, #ahead, 1000 do
		local add = {}
		for i = first, math.min(#ahead, first + 999) do
			add[#add + 1] = score
			add[#add + 1] = ahead[i]
		end
		redis.call('ZADD', key, unpack(add))
	end
	redis.call('PEXPIRE', key, string.format('%d', math.ceil(lease / 1000)))
	return furthest
end
