local width, slots = tonumber(ARGV[2]), tonumber(ARGV[3])
local index, slot, text = math.floor(at / width), 0, {}
for step, count in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%d+):(%d+)') do
	slot, count = slot + tonumber(step), tonumber(count)
	if slot == index then count = math.max(0, count - n) end
	text[#text + 1] = string.format('%s:%d', step, count)
end
if #text > 0 then
	local life = math.max(1, math.ceil(((slot + slots + 1) * width - now) / 1000))
	redis.call('SET', KEYS[1], table.concat(text, ' '), 'PX', string.format('%d', life))
end
return { 1 }
