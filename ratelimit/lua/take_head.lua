-- ARGV[1] permits wanted, 0 to look only  ARGV[3i-1..3i+1] the policy of KEYS[i]  then, where a policy keeps members of a
-- sorted set, the name of this charge
local n = tonumber(ARGV[1])
