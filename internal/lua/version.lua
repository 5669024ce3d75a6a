-- Returns the version of a tag, and begins one if there is none. A hold is returned as it is.
-- KEYS[1] tag version  ARGV[1] a new version  ARGV[2] its time to live in ms  ARGV[3] the prefix of holds
local seen = redis.pcall('GET', KEYS[1])
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if type(seen) == 'string' then
	local records = #seen - #ARGV[3] - 1
	if string.sub(seen, 1, #ARGV[3]) == ARGV[3] and records > 0 and records % 30 == 0 then return seen end
	if #seen == #ARGV[1] and string.sub(seen, 1, 3) == string.sub(ARGV[1], 1, 3) then
		local left = redis.call('PTTL', KEYS[1])
		if left >= 0 and left < ARGV[2] * 3 / 4 then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
		return seen
	end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
