-- Puts a profile in force for all replicas, unless another one came first. KEYS: profile. ARGV: the revision that is
-- thought to be in force, the new one, the profile, 1 if faults begin anew, microseconds that it is kept for.
-- Answers whether it did.
if tonumber(redis.call('HGET', KEYS[1], 'revision') or 0) ~= tonumber(ARGV[1]) then return 0 end
redis.call('HSET', KEYS[1], 'revision', ARGV[2], 'json', ARGV[3])
if ARGV[4] == '1' then redis.call('HSET', KEYS[1], 'faults', ARGV[2]) end
redis.call('PEXPIRE', KEYS[1], math.floor(tonumber(ARGV[5]) / 1000))
return 1
