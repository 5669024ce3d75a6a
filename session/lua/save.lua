-- Changes a session, if it is still there and still the version that was read. So a session that ended meanwhile is
-- not brought back, and no change of somebody else is lost. The time to live stays: only use prolongs it.
-- KEYS[1] session
-- ARGV[1] the version that was read  ARGV[2] the new version  ARGV[3] body
-- ARGV[4] SHA-256 of a new id, or ''  ARGV[5] for how many ms the old id is good, or 0  ARGV[6] the sealed new id
-- ARGV[7] idle time in ms, or 0  ARGV[8] absolute time in ms, or 0 but at a login, where the session begins anew
-- Returns {1, now}, {-1} if there is none, {-2, now, what is there} for another version, {-3} for what is no session.
local seen = redis.pcall('GET', KEYS[1])
if type(seen) == 'table' then
	if string.find(seen.err, 'WRONGTYPE', 1, true) then return {-3} end
	return seen
end
local left = redis.call('PTTL', KEYS[1])
if not seen or left <= 0 then return {-1} end
if not readable(seen) or #seen < 100 then return {-3} end
if string.sub(seen, 4, 11) ~= ARGV[1] then return {-2, now, seen} end

local flag, hash, began, issued, deadline =
	string.sub(seen, 3, 3), string.sub(seen, 12, 43), string.sub(seen, 44, 57), string.sub(seen, 58, 71), string.sub(seen, 72, 85)
local last, previous = string.sub(seen, 86, 99), '0'
if string.sub(seen, 100, 100) == '1' then previous = string.sub(seen, 100, 178) end
if ARGV[4] ~= '' then
	previous = '1' .. hash .. digits(now + ARGV[5]) .. ARGV[6]
	hash, issued = ARGV[4], digits(now)
end
local idle, absolute = tonumber(ARGV[7]), tonumber(ARGV[8])
if absolute > 0 then
	flag, left = flagged(idle, absolute), lasts(idle, absolute)
	began, last, deadline = digits(now), digits(now), digits(now + absolute)
end
redis.call('SET', KEYS[1], 's1' .. flag .. ARGV[2] .. hash .. began .. issued .. deadline .. last .. previous .. ARGV[3],
	'PX', whole(left))
return {1, now}
