-- Extends the life of a value to a time from now on, but never shortens it.
-- KEYS[1] entry  ARGV[1] the prefix of values  ARGV[2] the time to live in ms
-- Returns 1 if the key has a value.
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
-- Only WRONGTYPE proves that there is no value.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if seen ~= ARGV[1] then return 0 end
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
