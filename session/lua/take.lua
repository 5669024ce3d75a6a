-- Ends a session that another takes the place of.
-- KEYS[1] session  KEYS[2] its mark  ARGV[1] SHA-256 of the id  ARGV[2] the version that was read
-- ARGV[3] what the mark says  ARGV[4] its time to live in ms
-- Returns {1}, {2, what is there} for another version, which stays, {0} if there is none, or the id is not good.
local seen = redis.pcall('GET', KEYS[1])
-- An error other than WRONGTYPE does not say that there is no session.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if not readable(seen) or #seen < 100 then return {0} end
local good = string.sub(seen, 12, 43) == ARGV[1]
if string.sub(seen, 100, 132) == '1' .. ARGV[1] then good = tonumber(string.sub(seen, 133, 146)) > now end
if not good then return {0} end
if string.sub(seen, 4, 11) ~= ARGV[2] then return {2, seen} end
redis.call('SET', KEYS[2], ARGV[3], 'PX', ARGV[4])
redis.call('UNLINK', KEYS[1])
return {1}
