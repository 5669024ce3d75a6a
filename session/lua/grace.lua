-- Says whether an id that was replaced is still good.
-- KEYS[1] session  ARGV[1] SHA-256 of the id  ARGV[2] RenewGrace in ms
-- Returns 1 if it is, 2 if requests with it may still be in flight, else 0.
local seen = redis.pcall('GETRANGE', KEYS[1], 0, 177)
-- An error other than WRONGTYPE does not say that there is no session.
if type(seen) == 'table' and not string.find(seen.err, 'WRONGTYPE', 1, true) then return seen end
if not readable(seen) or string.sub(seen, 100, 132) ~= '1' .. ARGV[1] then return 0 end
if tonumber(string.sub(seen, 133, 146)) > now then return 1 end
return string.sub(seen, 58, 71) + ARGV[2] > now and 2 or 0
