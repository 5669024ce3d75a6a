-- Removes an entry, or the version of a tag. A hold stays, because its writer still needs it, but gets the flag 'D':
-- another write has happened, so no value may replace the hold. A hold whose deadlines have all passed is removed, even
-- if its key was made persistent.
-- KEYS[1] entry or tag version  ARGV[1] the prefix of holds
local prefix = ARGV[1]
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #prefix - 1)
-- Only WRONGTYPE proves that there is no hold.
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
