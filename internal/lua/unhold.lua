-- Ends a writer's hold and evicts the key, or stores the new record if no other write came in between.
-- KEYS[1] entry or tag version
-- ARGV[1] the prefix of holds  ARGV[2] my token  ARGV[3] how many ms the hold stays longer, or 0
-- ARGV[4] the new record, or ''  ARGV[5] its time to live in ms
-- Returns 2 if the new record is stored, 1 if the key is evicted, 0 if holds remain; 4 more if my hold did not stand.
local prefix, me = ARGV[1], ARGV[2]
local keep = tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local seen = redis.pcall('GET', KEYS[1])
-- Only WRONGTYPE proves that there is no hold.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
local held = type(seen) == 'string' and string.sub(seen, 1, #prefix) == prefix
local others, last, mine, clean = '', 0, false, false
if held then
	clean = string.sub(seen, #prefix + 1, #prefix + 1) == 'C'
	for at = #prefix + 2, #seen, 30 do
		local deadline = tonumber(string.sub(seen, at + 16, at + 29)) or 0
		if string.sub(seen, at, at + 15) == me then
			mine = true
		elseif deadline > now then
			others = others .. string.sub(seen, at, at + 29)
			last = math.max(last, deadline)
		end
	end
end
local lapsed = mine and 0 or 4
if keep > 0 then
	others = others .. me .. string.format('%014.0f', now + keep)
	last = math.max(last, now + keep)
end
if others ~= '' then
	redis.call('SET', KEYS[1], prefix .. 'D' .. others, 'PX', string.format('%.0f', last - now))
	return lapsed
end
if mine and clean and ARGV[4] ~= '' then
	redis.call('SET', KEYS[1], ARGV[4], 'PX', ARGV[5])
	return 2
end
redis.call('UNLINK', KEYS[1])
return 1 + lapsed
