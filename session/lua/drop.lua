-- Ends a session; if conditions are given, only while they hold. It also removes what is no session, without them.
-- KEYS[1] session  ARGV[1] the version, or ''  ARGV[2] the beginning of its body, which says whose it is, or ''
local version, owner = ARGV[1], ARGV[2]
if version ~= '' or owner ~= '' then
	local seen = redis.pcall('GETRANGE', KEYS[1], 0, 177 + #owner)
	if type(seen) ~= 'string' then return 0 end
	local body = string.sub(seen, 100, 100) == '1' and 179 or 101
	if version ~= '' and string.sub(seen, 4, 11) ~= version then return 0 end
	if owner ~= '' and string.sub(seen, body, body + #owner - 1) ~= owner then return 0 end
end
return redis.call('UNLINK', KEYS[1])
