-- Places or renews a writer's hold. A hold is: prefix, flag ('C' one writer so far, 'D' several writers or an eviction
-- in between), then for each writer a token of 16 bytes and its deadline, 14 digits in ms.
-- KEYS[1] entry or tag version
-- ARGV[1] the prefix of holds  ARGV[2] my token  ARGV[3] how long the hold lasts, in ms  ARGV[4] 'place' or 'renew'
-- It never shortens my hold: a renewal may be carried out when unhold.lua has made the hold longer.
-- Returns 1 if the flag is 'C'.
local prefix, me = ARGV[1], ARGV[2]
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local mine = now + ARGV[3]
local last, flag, others, found = now, 'C', '', false

local seen = redis.pcall('GET', KEYS[1])
if type(seen) == 'table' then
	if not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
	redis.call('DEL', KEYS[1])
elseif seen and string.sub(seen, 1, #prefix) == prefix and #seen > #prefix then
	flag = string.sub(seen, #prefix + 1, #prefix + 1)
	for at = #prefix + 2, #seen, 30 do
		local deadline = tonumber(string.sub(seen, at + 16, at + 29)) or 0
		if string.sub(seen, at, at + 15) == me then
			found = true
			mine = math.max(mine, deadline)
		elseif deadline > now then
			others = others .. string.sub(seen, at, at + 29)
			last = math.max(last, deadline)
		else
			flag = 'D'
		end
	end
end
last = math.max(last, mine)
if others ~= '' or (ARGV[4] == 'renew' and not found) then flag = 'D' end
redis.call('SET', KEYS[1], prefix .. flag .. others .. me .. string.format('%014.0f', mine), 'PX', string.format('%.0f', last - now))
return flag == 'C' and 1 or 0
