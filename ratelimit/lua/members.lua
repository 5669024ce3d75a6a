-- The members of one charge in a sorted set, in commands of a bounded size: Lua's stack has an end.
local id = ARGV[3 * #KEYS + 2]
local function addAll(key, score)
	for first = 1, n, 1000 do
		local add = {}
		for i = first, math.min(n, first + 999) do
			add[#add + 1] = string.format('%d', score)
			add[#add + 1] = string.format('%s:%d', id, i)
		end
		redis.call('ZADD', key, unpack(add))
	end
end
