-- Moves the deadlines of a lease, ARGV[6] being a time. What of the lease is gone, because it has expired or Redis has lost
-- it, is taken back up to that time if there is room for all of it. A command that arrives after the release would bring
-- back what nobody gives back again, so a first renewal has the time 0.
-- Returns the time, and how many permits are gone.
local key, limit, lease, gone = KEYS[1], tonumber(ARGV[1]), tonumber(ARGV[2]), {}
local deadline = string.format('%d', now + lease)
local function hold(member) redis.call('ZADD', key, deadline, member) end
local function latest() return tonumber(redis.call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]) end
bound(key, latest(), lease)
for i = 1, n do
	local member = string.format('%s:%d', id, i)
	local ends = redis.call('ZSCORE', key, member)
	if ends and tonumber(ends) > now then
		hold(member)
	else
		gone[#gone + 1] = member
	end
end
if #gone > 0 and now <= at and redis.call('ZCOUNT', key, string.format('(%d', now), '+inf') + #gone <= limit then
	for _, member in ipairs(gone) do hold(member) end
	gone = {}
end
if #gone < n then redis.call('PEXPIRE', key, string.format('%d', math.ceil((latest() - now) / 1000))) end
return { now, #gone }
