-- Gives up a lock that is still mine.
-- KEYS[1] lock  ARGV[1] what I wrote into it
local seen = redis.pcall('GET', KEYS[1])
-- An error other than WRONGTYPE does not say that the lock is another's.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if seen ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
