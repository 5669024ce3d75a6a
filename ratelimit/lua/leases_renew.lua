-- Moves the deadlines of a lease that is still there. One that has expired is not brought back: its place may be
-- another's, and a renewal that arrives after the release must not undo it.
local lease, kept = tonumber(ARGV[2]), 0
for i = 1, n do
	local member = string.format('%s:%d', id, i)
	local deadline = redis.call('ZSCORE', KEYS[1], member)
	if deadline and tonumber(deadline) > now then
		redis.call('ZADD', KEYS[1], string.format('%d', now + lease), member)
		kept = kept + 1
	end
end
if kept > 0 then
	local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')
	redis.call('PEXPIRE', KEYS[1], string.format('%d', math.ceil((tonumber(last[2]) - now) / 1000)))
end
return { kept }
