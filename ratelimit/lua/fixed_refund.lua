local window = tonumber(ARGV[2])
local i, c = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if i and tonumber(i) == math.floor(at / window) then
	local state = string.format('%d %d', tonumber(i), math.max(0, tonumber(c) - n))
	redis.call('SET', KEYS[1], state, 'PX', string.format('%d', math.ceil(window / 1000)))
end
return { 1 }
