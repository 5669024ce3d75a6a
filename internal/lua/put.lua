-- Stores a record over anything except the hold of a writer.
-- KEYS[1] entry  ARGV[1] the prefix of holds  ARGV[2] the record  ARGV[3] its time to live in ms
-- Returns 1 if it stored the record.
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
-- Only WRONGTYPE proves that there is no hold.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if seen == ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
return 1
