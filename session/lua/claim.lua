-- Marks a token as replaced, unless that or its end is marked already.
-- KEYS[1] mark  ARGV[1] what it says  ARGV[2] its time to live in ms  ARGV[3] the part of it after the grace period
if redis.call('PTTL', KEYS[1]) > tonumber(ARGV[3]) then return 0 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
