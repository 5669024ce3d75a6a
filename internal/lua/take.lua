-- Takes the lease of an entry if the key is absent, or has a record that may be replaced.
-- KEYS[1] entry
-- ARGV[1] my lease  ARGV[2] its time to live in ms
-- ARGV[3] the identity of a record that may be replaced, or ''  ARGV[4] the prefix of leases
-- ARGV[5] '1' if another loader's lease may be replaced
-- ARGV[6] for the lease of a refresh: the cooldown that keeps me from taking it; anything but a lease gives way
-- Returns {1, seconds, microseconds} or {0, seconds, microseconds, the record found, its time to live in ms}.
local mine, replace, lease = ARGV[1], ARGV[3], ARGV[4]

-- An identity as long as a lease is unique; a shorter one is the whole record.
local function is(seen, identity)
	if #identity < #mine then return seen == identity end
	return string.sub(seen, 1, #identity) == identity
end

local time = redis.call('TIME')
-- GETRANGE, not GET: cas.lua needs it to release a lease, so a user without it must not take one.
local seen = redis.pcall('GETRANGE', KEYS[1], '0', '-1')
if type(seen) == 'table' then
	if not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
	redis.call('DEL', KEYS[1])
	seen = false
end
local left = redis.call('PTTL', KEYS[1])
local free = not seen or seen == '' or seen == mine or (replace ~= '' and is(seen, replace))
if not free and #seen == #mine and string.sub(seen, 1, #lease) == lease then
	free = ARGV[5] == '1' or left == -1 -- a lease without expiry has no owner
end
if ARGV[6] then
	free = free or seen ~= ARGV[6] and string.sub(seen, 1, #lease) ~= lease
end
if free then
	redis.call('SET', KEYS[1], mine, 'PX', ARGV[2])
	return {1, time[1], time[2]}
end
return {0, time[1], time[2], seen, left}
