-- Keeps a session that is in use alive, but never past its absolute deadline.
-- KEYS[1] session  ARGV[1] idle time in ms
-- Returns {1, its time to live in ms, the age of its id in ms}, or {-1} if there is none.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 98)
-- An error other than WRONGTYPE does not say that there is no session.
if type(head) == 'table' and not string.find(head.err, 'WRONGTYPE', 1, true) then return head end
if not readable(head) then return {-1} end
local idle, rest = tonumber(ARGV[1]), string.sub(head, 72, 85) - now
if rest <= 0 then
	redis.call('UNLINK', KEYS[1])
	return {-1}
end
if string.sub(head, 3, 3) == 'R' then idle = 0 end
local left = lasts(idle, rest)
redis.call('SETRANGE', KEYS[1], 85, digits(now))
redis.call('SETRANGE', KEYS[1], 2, flagged(idle, rest))
redis.call('PEXPIRE', KEYS[1], whole(left))
return {1, left, now - string.sub(head, 58, 71)}
