-- A session is one string: 's1', a flag ('L': use keeps it alive, 'F': its absolute deadline comes first, 'R': it has a
-- lifetime of its own, and no idle time), then at byte 4 the version, 12 the SHA-256 of its id, 44 when it began, 58 when the id was issued, 72 the absolute
-- deadline, 86 when it was last seen (14 digits each, ms of this server's clock), 100 '0', or '1' and 78 bytes on the
-- previous id: its SHA-256, until when it is good, the sealed new id. Then the body, which no script looks into.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)

local function digits(n) return string.format('%014.0f', n) end
local function whole(n) return string.format('%.0f', n) end
-- An idle time of 0 is none.
local function flagged(idle, left) return idle == 0 and 'R' or idle < left and 'L' or 'F' end
local function lasts(idle, left) return idle == 0 and left or math.min(idle, left) end
local function readable(head) return type(head) == 'string' and #head >= 99 and string.sub(head, 1, 2) == 's1' end

