-- Sets when a session ends at the latest. It counts as use.
-- KEYS[1] session
-- ARGV[1] SHA-256 of the id, or '' for any  ARGV[2] idle time in ms  ARGV[3] ms until the deadline
-- Returns {1, its time to live in ms, now}, or {-1} if there is none, or the id is not good.
local head = redis.pcall('GETRANGE', KEYS[1], 0, 177)
-- An error other than WRONGTYPE does not say that there is no session.
if type(head) == 'table' and not string.find(head.err, 'WRONGTYPE', 1, true) then return head end
if not readable(head) or #head < 100 then return {-1} end
local good = ARGV[1] == '' or string.sub(head, 12, 43) == ARGV[1]
if string.sub(head, 100, 132) == '1' .. ARGV[1] then good = tonumber(string.sub(head, 133, 146)) > now end
if not good then return {-1} end
local idle, rest = tonumber(ARGV[2]), tonumber(ARGV[3])
if string.sub(head, 3, 3) == 'R' then idle = 0 end
local left = lasts(idle, rest)
redis.call('SETRANGE', KEYS[1], 71, digits(now + rest) .. digits(now))
redis.call('SETRANGE', KEYS[1], 2, flagged(idle, rest))
redis.call('PEXPIRE', KEYS[1], whole(left))
return {1, left, now}
