-- Removes an entry, or ends the generation of a tag. A hold stays, for its writer still needs it, but is marked:
-- somebody else has written meanwhile, so nothing may be put in its place.
-- KEYS[1] entry or marker  ARGV[1] the prefix of holds
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
if seen == ARGV[1] then
	redis.call('SETRANGE', KEYS[1], #ARGV[1], 'D')
	return 0
end
return redis.call('UNLINK', KEYS[1])
