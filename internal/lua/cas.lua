-- Changes a record, but only while it is still the one that begins with ARGV[1].
-- KEYS[1] entry
-- ARGV[2] 'set' (ARGV[3] the new record, ARGV[4] its time in ms), 'renew' (ARGV[3] the time in ms), 'drop',
-- 'keep' (ARGV[3] the new record, which lives as long as the old one would have) or 'test', which changes nothing
-- Returns 1 if it did.
local seen = redis.pcall('GETRANGE', KEYS[1], 0, #ARGV[1] - 1)
-- An error other than WRONGTYPE does not say that the record is another one.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if seen ~= ARGV[1] then return 0 end
if ARGV[2] == 'set' then
	redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
elseif ARGV[2] == 'renew' then
	redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif ARGV[2] == 'keep' then
	redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
elseif ARGV[2] == 'drop' then
	redis.call('UNLINK', KEYS[1])
end
return 1
