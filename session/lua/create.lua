-- Begins a session.
-- KEYS[1] session
-- ARGV[1] version  ARGV[2] SHA-256 of the id  ARGV[3] idle time in ms, or 0  ARGV[4] absolute time in ms  ARGV[5] body
-- Returns {1, now}, or {0} if there is one.
if redis.call('EXISTS', KEYS[1]) == 1 then return {0} end
local idle, absolute = tonumber(ARGV[3]), tonumber(ARGV[4])
local head = 's1' .. flagged(idle, absolute) .. ARGV[1] .. ARGV[2] ..
	digits(now) .. digits(now) .. digits(now + absolute) .. digits(now) .. '0'
redis.call('SET', KEYS[1], head .. ARGV[5], 'PX', whole(lasts(idle, absolute)))
return {1, now}
