-- Changes the record under a key if it still begins with ARGV[1].
-- KEYS[1] entry, or its variant  KEYS[2] for a variant: the entry, which has to begin with the last argument
-- ARGV[2] 'set' (ARGV[3] the new record, ARGV[4] its time to live in ms), 'renew' (ARGV[3] the time to live in ms),
-- 'drop', 'test', which changes nothing, or 'expire' (ARGV[3] the stale copy, ARGV[4] for how many ms the record would
-- still have been fresh): then the copy stays for as long as the record was to be kept beyond that, or a minute if that is
-- longer; readers know for how long they may use it
-- Returns 1 if the record was the expected one. A variant whose entry is another one is of no use, and dropped.
local function begins(key, with)
	local seen = redis.pcall('GETRANGE', key, 0, #with - 1)
	-- Only WRONGTYPE proves that the record is another one.
	if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return nil, seen end
	return seen == with
end

local same, err = begins(KEYS[1], ARGV[1])
if err then return err end
if not same then return 0 end
local current = true
if KEYS[2] then
	current, err = begins(KEYS[2], ARGV[#ARGV])
	if err then return err end
end
if ARGV[2] == 'drop' or not current then
	redis.call('UNLINK', KEYS[1])
elseif ARGV[2] == 'set' then
	redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
elseif ARGV[2] == 'renew' then
	redis.call('PEXPIRE', KEYS[1], ARGV[3])
elseif ARGV[2] == 'expire' then
	local left = redis.call('PTTL', KEYS[1])
	local beyond = math.max(left - ARGV[4], 60000) -- it has to outlive the load that replaces it
	if left > beyond then
		redis.call('SET', KEYS[1], ARGV[3], 'PX', string.format('%.0f', beyond))
	else
		redis.call('SET', KEYS[1], ARGV[3], 'KEEPTTL')
	end
end
return current and 1 or 0
