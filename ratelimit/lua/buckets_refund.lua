-- A slot with nothing left in it goes, so that charges which are refunded don't fill the state.
local width, slots = tonumber(ARGV[2]), tonumber(ARGV[3])
local index, slot, before, text = math.floor(at / width), 0, 0, {}
for step, count in string.gmatch(redis.call('GET', KEYS[1]) or '', '(%d+):(%d+)') do
	slot, count = slot + tonumber(step), tonumber(count)
	if slot == index then count = count - n end
	if count > 0 then
		text[#text + 1] = string.format('%d:%d', slot - before, count)
		before = slot
	end
end
if #text == 0 then
	redis.call('DEL', KEYS[1])
else
	local life = math.max(1, math.ceil(((before + slots + 1) * width - now) / 1000))
	redis.call('SET', KEYS[1], table.concat(text, ' '), 'PX', string.format('%d', life))
end
return { 1 }
