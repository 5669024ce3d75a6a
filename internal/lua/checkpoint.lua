-- Takes, saves or releases the checkpoint of a consumer of changes.
-- KEYS[1] hash: owner, until (end of its lease, by Redis's clock, in ms), step (number of its last save), at (position)
-- ARGV[1] token of the process  ARGV[2] lease in ms  ARGV[3] time to live of the checkpoint in ms
-- ARGV[4] 'take'; or 'drop' or 'save' with ARGV[5] the last confirmed step; 'save' also with
-- ARGV[6] this step, ARGV[7] the position
-- Returns 1 on success, for 'take' with the position. Returns 0 if another process is the owner, or if Redis has lost a step
-- that it had confirmed.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local seen = redis.pcall('HMGET', KEYS[1], 'owner', 'until', 'step', 'at')
if seen.err and string.find(seen.err, 'WRONGTYPE', 1, true) then -- not a checkpoint
	redis.call('UNLINK', KEYS[1])
	seen = {}
elseif seen.err then
	return seen
end
local mine = seen[1] == ARGV[1]
if ARGV[4] == 'take' then
	if seen[1] and not mine and (tonumber(seen[2]) or 0) > now then return {0, ''} end
	redis.call('HSET', KEYS[1], 'owner', ARGV[1], 'until', now + ARGV[2], 'step', 0)
	redis.call('PEXPIRE', KEYS[1], ARGV[3])
	return {1, seen[4] or ''}
end
local step = tonumber(seen[3]) or 0
if not mine or step < tonumber(ARGV[5]) then return 0 end
if ARGV[4] == 'drop' then
	redis.call('HSET', KEYS[1], 'until', 0)
elseif step < tonumber(ARGV[6]) then -- else a later save has overtaken this one
	redis.call('HSET', KEYS[1], 'until', now + ARGV[2], 'step', ARGV[6], 'at', ARGV[7])
	redis.call('PEXPIRE', KEYS[1], ARGV[3])
end
return 1
