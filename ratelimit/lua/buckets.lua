-- Strict buckets: the window is cut into slots, and the oldest one counts in full as long as any of it lies within
-- reach, so no window ever holds more than the limit. With slots of a microsecond that is exact. State: "slot:count", the first slot absolute and each further one
-- relative to the one before. With a clock that went back, hits go to the latest slot, which expires last.
local index, sum, slot, list, counts = math.floor(now / unit), 0, 0, {}, {}
for step, count in string.gmatch(redis.call('GET', key) or '', '(%d+):(%d+)') do
	slot = slot + step
	if slot >= index - slots and slot <= index + slots + 1 then
		list[#list + 1], counts[#list + 1] = slot, count + 0
		sum = sum + count
	end
end
local function gone(b) return (b + slots + 1) * unit - now end
local back = #list > 0 and gone(list[#list]) or 0
local rest = math.max(0, limit - sum)
local function wait(m)
	local over = sum + m - limit
	for i = 1, #list do
		over = over - counts[i]
		if over <= 0 then return gone(list[i]) end
	end
end
-- take
local last = #list
if last == 0 or list[last] < index then
	last = last + 1
	list[last], counts[last] = index, 0
end
counts[last], sum, back = counts[last] + n, sum + n, gone(list[last])
local text, before = {}, 0
for i = 1, last do
	text[i] = string.format('%d:%d', list[i] - before, counts[i])
	before = list[i]
end
redis.call('SET', key, table.concat(text, ' '), 'PX', string.format('%d', math.ceil(back / 1000)))
