-- Forgets the sessions of a user that have expired.
-- KEYS[1] sessions of the user
-- Returns {how many were forgotten, the handles that stay, the next to expire first...}.
local reply = {redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', whole(now))}
for _, handle in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do table.insert(reply, handle) end
return reply
