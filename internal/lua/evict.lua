-- Removes an entry, or ends the generation of a tag. A hold stays, for its writer still needs it, but is marked:
-- somebody else has written meanwhile, so nothing may be put in its place. A hold whose writers' time is over is
-- nobody's, although something has kept it.
-- KEYS[1] entry or marker  ARGV[1] the prefix of holds
local prefix = ARGV[1]
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #prefix - 1)
-- An error other than WRONGTYPE does not say that there is no hold.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if seen == prefix then
	local time = redis.call('TIME')
	local now = time[1] * 1000 + math.floor(time[2] / 1000)
	local hold = redis.call('GET', KEYS[1])
	for at = #prefix + 2, #hold, 30 do
		if (tonumber(string.sub(hold, at + 16, at + 29)) or 0) > now then
			redis.call('SETRANGE', KEYS[1], #prefix, 'D')
			return 0
		end
	end
end
return redis.call('UNLINK', KEYS[1])
