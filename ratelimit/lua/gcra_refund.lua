-- What has flowed back by itself since the charge is not given back a second time: without the charge the bucket might
-- have been full, and wasted it.
local tat, last = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if tat then
	tat = tat / 4 - math.max(0, n * tonumber(ARGV[2]) - math.max(0, now - at))
	if tat <= now then
		redis.call('DEL', KEYS[1])
	else
		local life = math.ceil((tat - now) / 1000)
		redis.call('SET', KEYS[1], string.format('%d %s', tat * 4, last), 'PX', string.format('%d', life))
	end
end
return { 1 }
