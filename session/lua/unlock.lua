-- Gives up a lock that is still mine.
-- KEYS[1] lock  ARGV[1] what I wrote into it
if redis.pcall('GET', KEYS[1]) ~= ARGV[1] then return 0 end
return redis.call('UNLINK', KEYS[1])
