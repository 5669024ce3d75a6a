-- Gives back a charge. KEYS[1] the state  ARGV[1..3] the policy  ARGV[4] permits  ARGV[5] the name of the charge
-- ARGV[6] when it was made
local n, id, at = tonumber(ARGV[4]), ARGV[5], tonumber(ARGV[6])
