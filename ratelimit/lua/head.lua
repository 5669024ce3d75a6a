-- Every script begins with this. Times are microseconds, whole ones or quarters, and exact in a double until 2041 and
-- beyond. Where they become text it is by %d, for tostring would round them, and %.0f is slow.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
