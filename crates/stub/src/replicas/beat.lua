-- One replica tells what it has done: its entries go to the ledger of all, its truth under its name.
--
-- KEYS: names, record, ledger, marks, profile. ARGV: name, microseconds that all is kept for, microseconds that the
-- profile is, the time of Redis until which the truth is whole (or nothing where more will follow), 1 if it is the last
-- word, start of the clock, the truth (or nothing where it is as before), most entries of the ledger, the number of the
-- entry that is thought to be wanted, the number of the first entry given, then entries.
-- Answers the time of Redis in microseconds, the number of the entry that is wanted next, the revision of the profile,
-- and whether there is a truth. Where another entry was wanted, nothing is taken. Times are written with %.0f, because
-- Lua by itself writes 14 digits.
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local name, kept = ARGV[1], tonumber(ARGV[2])
local first = tonumber(ARGV[10])
local wanted = tonumber(redis.call('HGET', KEYS[4], 'next:' .. name) or 0)
redis.call('ZADD', KEYS[1], string.format('%.0f', now), name)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', now - kept))

if wanted == tonumber(ARGV[9]) then
  redis.call('HSET', KEYS[2], 'start', ARGV[6])
  if first > wanted then redis.call('HINCRBY', KEYS[2], 'missed', first - wanted) end
  for i = 11, #ARGV do redis.call('RPUSH', KEYS[3], ARGV[i]) end
  wanted = first + #ARGV - 10
  redis.call('HSET', KEYS[4], 'next:' .. name, string.format('%.0f', wanted))
  local over = redis.call('LLEN', KEYS[3]) - tonumber(ARGV[8])
  if over > 0 then
    redis.call('LTRIM', KEYS[3], over, -1)
    redis.call('HINCRBY', KEYS[4], 'trimmed', over)
  end
  if ARGV[7] ~= '' then redis.call('HSET', KEYS[2], 'truth', ARGV[7]) end
  if ARGV[4] ~= '' then redis.call('HSET', KEYS[2], 'whole_until', ARGV[4], 'ended', ARGV[5]) end
end

for i = 1, 4 do redis.call('PEXPIRE', KEYS[i], math.floor(kept / 1000)) end
redis.call('PEXPIRE', KEYS[5], math.floor(tonumber(ARGV[3]) / 1000))
local revision = tonumber(redis.call('HGET', KEYS[5], 'revision') or 0)
return {now, wanted, revision, redis.call('HEXISTS', KEYS[2], 'truth')}
