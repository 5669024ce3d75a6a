local window = tonumber(ARGV[2])
local i, c, p = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+) (%d+)$')
if i then
	i, c, p = tonumber(i), tonumber(c), tonumber(p)
	local index = math.floor(at / window)
	if index == i then
		c = math.max(0, c - n)
	elseif index == i - 1 then
		p = math.max(0, p - n)
	end
	redis.call('SET', KEYS[1], string.format('%d %d %d', i, c, p), 'PX', string.format('%d', math.ceil(2 * window / 1000)))
end
return { 1 }
