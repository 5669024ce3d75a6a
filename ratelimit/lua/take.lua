-- Takes n permits from each of KEYS or from none. Before this stand the meters of the policies in use as functions, and
-- kinds, which has one for each key.
-- Returns the time, then for each key: wait for n, permits left, wait for one more, time until all are there.
local meters, free = {}, true
for i = 1, #KEYS do
	local at = 3 * i - 1
	local meter = { kinds[i](KEYS[i], tonumber(ARGV[at]), tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2])) }
	meters[i] = meter
	if n > meter[1] then free = false end
end
local reply = { now }
for i = 1, #KEYS do
	local rest, back, wait, take = unpack(meters[i])
	local due, next = 0, 0
	if n > rest then
		due = wait(n)
	elseif free and n > 0 then
		rest, back = rest - n, take()
	end
	if rest < tonumber(ARGV[3 * i - 1]) then next = wait(rest + 1) end
	local at = #reply
	reply[at + 1], reply[at + 2], reply[at + 3], reply[at + 4] = due, rest, next, back
end
return reply
